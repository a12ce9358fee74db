/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: what the route to a client says of a SYN-ACK, as the
 * daemon computed it:
 *
 *	MSS	ipv4_default_advmss() of net/ipv4/route.c,
 *		ip6_default_advmss() of net/ipv6/route.c
 *	hop limit
 *		ip6_dst_hoplimit()
 *	window and scale
 *		bounded by `window` and, the SYN-ACK's, by `initrwnd`:
 *		tcp_openreq_init_rwin() of net/ipv4/tcp_minisocks.c
 *	ECN	agreed to: tcp_ecn_create_request() of net/ipv4/tcp_input.c
 *
 * Policy rules other than the usual three are followed as well, see
 * user/lib/kernel/ruled.h. Hardly any route has metrics: without one, this is
 * the test of a flag. The socket takes them from the route itself
 * (cookie_v4_check() of net/ipv4/syncookies.c), except the scale, which has to
 * be the announced one: for the ACK, the map is asked again.
 */
#ifndef SYNKEEPER_ROUTE_BPF_H
#define SYNKEEPER_ROUTE_BPF_H

#include "flow.bpf.h"
#include "maps.bpf.h"

static __always_inline const struct route_metrics *
route_find_plain(const struct packet *p)
{
	struct local_key key = { .prefixlen = 128 };

	__builtin_memcpy(key.addr, p->tuple.client, 16);
	return bpf_map_lookup_elem(&route_metrics, &key);
}

static __always_inline bool route_rule_is_for(const struct route_rule *r,
					      const struct packet *p)
{
	__u16 port = bpf_ntohs(p->tuple.server_port);
	__u32 differs = 0;
	int i;

	for (i = 0; i < 4; i++)
		differs |= ((p->tuple.server[i] & r->server_mask[i]) ^
			    r->server[i]) |
			   ((p->tuple.client[i] & r->client_mask[i]) ^
			    r->client[i]);
	return !differs && port >= r->port_min && port <= r->port_max;
}

/*
 * Like fib_rules_lookup() of net/core/fib_rules.c: the first rule decides that
 * leads to a route. Not inlined: hardly any host has such rules.
 */
static __noinline const struct route_metrics *
route_find_ruled(const struct packet *p, const struct route_rules *rules)
{
	struct ruled_key key = { .prefixlen = 32 + 128 };
	const struct route_metrics *m;
	__u32 i;

	__builtin_memcpy(key.addr, p->tuple.client, 16);
	for (i = 0; i < ROUTE_RULES_MAX && i < rules->n; i++) {
		if (!route_rule_is_for(&rules->all[i], p))
			continue;
		key.leads = rules->all[i].leads;
		m = bpf_map_lookup_elem(&ruled_metrics, &key);
		if (m && !m->next)
			return m;
	}
	return NULL;
}

static __always_inline const struct route_metrics *
route_find(const struct packet *p)
{
	__u32 family = !p->v4;
	const struct route_rules *rules =
		bpf_map_lookup_elem(&route_rules, &family);

	return rules && rules->n ? route_find_ruled(p, rules)
				 : route_find_plain(p);
}

/* A listener's own clamp is looked at instead of the route's. */
static __always_inline bool route_bounds(const struct route_metrics *m,
					 const struct endpoint *ep)
{
	return m->window && !(ep->flags & ENDPOINT_CLAMPED);
}

/*
 * Stores what the route says in @f, its window and scale in @f->ep; returns its
 * MSS, or @mss. Not inlined: the key is stack that no other path shall have.
 */
static __noinline __u32 route_tells(struct flow *f, __u32 mss)
{
	const struct route_metrics *m = route_find(&f->pkt);

	if (!m)
		return mss;
	if (m->hop_limit)
		f->hop_limit = m->hop_limit;
	f->initrwnd = m->initrwnd;
	f->route_ecn = m->ecn;
	if (route_bounds(m, &f->ep)) {
		if (f->ep.window > m->window)
			f->ep.window = m->window;
		if (f->ep.wscale > m->wscale)
			f->ep.wscale = m->wscale;
	}
	return m->mss ? m->mss : mss;
}

static __noinline __u32 route_bound_scale(const struct flow *f)
{
	const struct route_metrics *m = route_find(&f->pkt);

	return m && route_bounds(m, &f->ep) && m->wscale < f->ep.wscale
		       ? m->wscale
		       : f->ep.wscale;
}

/* The scale that the SYN-ACK before ACK @f announced. */
static __always_inline __u32 route_scale(const struct settings *cfg,
					 const struct flow *f)
{
	return cfg->flags & SETTING_ROUTE_SCALE ? route_bound_scale(f)
						: f->ep.wscale;
}

#endif
