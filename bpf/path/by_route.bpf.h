/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: what a SYN-ACK says that the listener does not: its MSS
 * and hop limit, from the route or the interface, and what else the route says.
 */
#ifndef SYNKEEPER_BY_ROUTE_BPF_H
#define SYNKEEPER_BY_ROUTE_BPF_H

#include "next_hop.bpf.h"
#include "wire/route.bpf.h"

/*
 * The MSS to announce to the client of SYN @f from @iface; what else the route
 * says is stored in @f. A VLAN device's own hop limit is not known here.
 */
static __always_inline __u32 by_route(const struct settings *cfg,
				      const struct iface *iface, struct flow *f)
{
	__u32 mss = iface->mtu - (f->pkt.v4 ? 40 : 60);

	if (!f->pkt.v4 && f->pkt.l3 == HOP_L3_UNTAGGED)
		f->hop_limit = iface->hop_limit6;
	return cfg->flags & SETTING_METRICS ? route_tells(f, mss) : mss;
}

#endif
