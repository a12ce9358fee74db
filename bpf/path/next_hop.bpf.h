/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: where the answer to a SYN goes: to whom the kernel would
 * send it, which need not be whom the SYN came from (a director that forwards
 * by MAC, a VRRP router's own address, the second of two gateways). XDP_TX
 * leaves through the same interface, so only the MAC is to be found.
 *
 * The kernel's routes are asked for each SYN, with rules, neighbours and
 * several paths. bpf_fib_lookup() wants `forwarding` of the interface that it
 * starts from, so it starts from lo: what a host sends comes from there, also
 * for ip_route_output_key_hash() (net/ipv4/route.c), and lo forwards nothing.
 *
 * The usual SYN needs no question. Where all but some prefixes are behind one
 * gateway, as the daemon has found, and the SYN comes from that gateway (with
 * the tag of its VLAN) and from none of these prefixes, the sender is the next
 * hop.
 *
 * Where XDP_TX can't lead, or the neighbour has to be asked for first, a few
 * SYNs a second are the kernel's to answer: after the first one the neighbour
 * is known, and a host at rest behaves as without Synkeeper. The connection is
 * entered in the table, so that its ACK finds the kernel's request. A flood of
 * such SYNs gets its answers where it came from. So are those without a route
 * where there are `throw` routes: bpf_fib_lookup() does not go on behind one of
 * IPv6, unlike the kernel (fib6_rule_action_alt() in net/ipv6/fib6_rules.c).
 */
#ifndef SYNKEEPER_NEXT_HOP_BPF_H
#define SYNKEEPER_NEXT_HOP_BPF_H

#include "flow.bpf.h"
#include "maps.bpf.h"
#include "report/budget.bpf.h"
#include "wire/classify.bpf.h"

enum {
	HOP_LOOPBACK = 1,     /* the ifindex of lo, in any namespace */
	HOP_SEEN_TICKS = 600, /* 10 s */
	HOP_FAMILY4 = 2,
	HOP_FAMILY6 = 10,
	HOP_VLAN_ID = 0xfff,
	HOP_L3_UNTAGGED = 14,
};

enum hop_unknown {
	HOP_ELSEWHERE = 1, /* another interface, or no neighbour yet */
	HOP_UNASKED,	   /* the kernel does not tell */
};

/* What bpf_fib_lookup() says: BPF_FIB_LKUP_RET_xxx of <linux/bpf.h>. */
enum {
	HOP_FOUND = 0,
	HOP_BLACKHOLE = 1,
	HOP_UNREACHABLE = 2,
	HOP_PROHIBITED = 3,
	HOP_NO_ROUTE = 4,  /* or a source of the host's own, or broadcast */
	HOP_NOT_ASKED = 5, /* lo.forwarding is 0 */
};

/* Is the source of @p behind the usual gateway? */
static __always_inline bool hop_is_usual(const struct next_hop *n,
					 const struct packet *p)
{
	__u64 to = p->v4 ? p->tuple.client[3]
			 : p->tuple.client[0] | (__u64)p->tuple.client[1] << 32;
	int i;

	if (n->kind != HOP_USUAL)
		return false;
	for (i = 0; i < HOP_PREFIXES; i++) {
		if (i >= n->n)
			break;
		if ((to & n->prefixes[i].mask) == n->prefixes[i].net)
			return false;
	}
	return true;
}

/* Routes have no say about fe80::/10: always the same link. */
static __always_inline bool hop_is_link_local(const struct packet *p)
{
	const __be32 mask = bpf_htonl(0xffc00000), net = bpf_htonl(0xfe800000);

	return !p->v4 && ((p->tuple.client[0] & mask) == net ||
			  (p->tuple.server[0] & mask) == net);
}

/*
 * Does device @ifindex of a route send to where the packet came from? Tags of
 * VLAN 0 are priorities alone: the kernel removes them and looks at the next.
 */
static __always_inline bool hop_is_here(struct xdp_md *ctx,
					const struct iface *iface,
					const struct packet *p, __u32 ifindex)
{
	struct span s = span_of(ctx);
	const __be16 *tag = s.data + sizeof(struct ethhdr); /* TCI, type */
	__u16 vlan = 0, id;
	int i;

	for (i = 0; i < VLAN_TAGS_MAX && p->l3 > HOP_L3_UNTAGGED + 4 * i; i++) {
		if ((void *)(tag + 2 * i + 1) > s.end)
			return false;
		id = bpf_ntohs(tag[2 * i]) & HOP_VLAN_ID;
		if (id && vlan)
			return false; /* a VLAN within a VLAN */
		vlan |= id;
	}
	if (!vlan && ifindex == iface->device)
		return true;
	iface = get_iface_on(iface, ifindex);
	return iface && iface->vlan == vlan;
}

/* Does @p come from the link that the usual gateway is on? */
static __always_inline bool
hop_is_on_link(struct span s, const struct next_hop *n, const struct packet *p)
{
	const __be16 *tag = s.data + sizeof(struct ethhdr);

	if (!n->vlan || p->l3 != HOP_L3_UNTAGGED + 4)
		return !n->vlan && p->l3 == HOP_L3_UNTAGGED;
	return (void *)(tag + 1) <= s.end &&
	       (bpf_ntohs(*tag) & HOP_VLAN_ID) == n->vlan;
}

/*
 * Asks the kernel's routes. Not inlined: 64 bytes of stack that no other path
 * shall have.
 */
static __noinline enum reason next_hop_ask(struct xdp_md *ctx,
					   const struct iface *iface,
					   const struct next_hop *n,
					   struct flow *f)
{
	const struct packet *p = &f->pkt;
	struct bpf_fib_lookup fib = {
		.family = p->v4 ? HOP_FAMILY4 : HOP_FAMILY6,
		.l4_protocol = IPPROTO_TCP,
		.sport = p->tuple.server_port,
		.dport = p->tuple.client_port,
		.ifindex = HOP_LOOPBACK,
	};

	if (p->v4) {
		fib.ipv4_src = p->tuple.server[3];
		fib.ipv4_dst = p->tuple.client[3];
	} else {
		__builtin_memcpy(fib.ipv6_src, p->tuple.server, 16);
		__builtin_memcpy(fib.ipv6_dst, p->tuple.client, 16);
	}
	switch (bpf_fib_lookup(ctx, &fib, sizeof(fib), 0)) {
	case HOP_FOUND:
		if (!hop_is_here(ctx, iface, p, fib.ifindex))
			break;
		__builtin_memcpy(f->hop, fib.dmac, 6);
		return REASON_NONE;
	case HOP_BLACKHOLE:
	case HOP_UNREACHABLE:
	case HOP_PROHIBITED:
	case HOP_NO_ROUTE:
		return REASON_no_route; /* the kernel drops its own SYN-ACK */
	case HOP_NOT_ASKED: /* what the daemon says, if it is still there */
		f->hop_unknown = HOP_UNASKED;
		if (!hop_is_on_link(span_of(ctx), n, p) ||
		    !hop_is_usual(n, p) ||
		    now_ticks() - n->seen > HOP_SEEN_TICKS)
			return REASON_NONE;
		__builtin_memcpy(f->hop, n->gateway, 6);
		f->hop_unknown = 0;
		return REASON_NONE;
	}
	f->hop_unknown = HOP_ELSEWHERE;
	return REASON_NONE;
}

static __always_inline enum reason next_hop_hand_over(const struct flow *f)
{
	if (f->ep.mode != ENDPOINT_ARMED ||
	    !budget_take(BUDGET_ROUTED, ROUTED_PER_SECOND))
		return REASON_NONE;
	return REASON_routed_syn;
}

/*
 * Stores in @f the MAC that the answer to SYN @f from @iface goes to. Returns a
 * reason if the kernel would not answer, or shall.
 */
static __always_inline enum reason
next_hop_find(struct xdp_md *ctx, const struct iface *iface, struct flow *f)
{
	const struct next_hop *n = f->pkt.v4 ? &iface->hop4 : &iface->hop6;
	struct span s = span_of(ctx);
	const struct ethhdr *eth = s.data;
	enum reason r, handed;

	if ((void *)(eth + 1) > s.end)
		return REASON_no_room;
	__builtin_memcpy(f->hop, eth->h_source, 6);
	/* not addressed to this host: it is bridged, and has no route */
	if (!same_mac(iface->mac, f->pkt.dst_mac))
		return REASON_NONE;
	if (n->kind == HOP_SENDER || hop_is_link_local(&f->pkt))
		return REASON_NONE;
	if (same_mac(n->gateway, f->hop) && hop_is_on_link(s, n, &f->pkt) &&
	    hop_is_usual(n, &f->pkt))
		return REASON_NONE;
	r = next_hop_ask(ctx, iface, n, f);
	if (r ? !n->throws : f->hop_unknown != HOP_ELSEWHERE)
		return r;
	handed = next_hop_hand_over(f);
	return handed ? handed : r;
}

#endif
