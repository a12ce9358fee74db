/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: what a SYN-ACK says that the listener does not: the MSS,
 * from the route or the interface's MTU (ipv4_default_advmss() of
 * net/ipv4/route.c, ip6_default_advmss() of net/ipv6/route.c), and the hop
 * limit, from the route or the IPv6 interface (ip6_dst_hoplimit()).
 *
 * Hardly any route has metrics: without one, this is the test of a flag. The
 * daemon computes what they amount to.
 */
#ifndef SYNKEEPER_BY_ROUTE_BPF_H
#define SYNKEEPER_BY_ROUTE_BPF_H

#include "flow.bpf.h"
#include "maps.bpf.h"

/*
 * Stores the route's hop limit in @f; returns its MSS, or @mss. Not inlined:
 * the key is stack that no other path shall have.
 */
static __noinline __u32 by_route_metrics(struct flow *f, __u32 mss)
{
	struct local_key key = { .prefixlen = 128 };
	const struct route_metrics *m;

	__builtin_memcpy(key.addr, f->pkt.tuple.client, 16);
	m = bpf_map_lookup_elem(&route_metrics, &key);
	if (!m)
		return mss;
	if (m->hop_limit)
		f->hop_limit = m->hop_limit;
	return m->mss ? m->mss : mss;
}

/*
 * The MSS to announce to the client of SYN @f from @iface; the hop limit is
 * stored in @f. A VLAN device's own hop limit is not known here.
 */
static __always_inline __u32 by_route(const struct settings *cfg,
				      const struct iface *iface, struct flow *f)
{
	__u32 mss = iface->mtu - (f->pkt.v4 ? 40 : 60);

	if (!f->pkt.v4 && f->pkt.l3 == HOP_L3_UNTAGGED)
		f->hop_limit = iface->hop_limit6;
	return cfg->flags & SETTING_METRICS ? by_route_metrics(f, mss) : mss;
}

#endif
