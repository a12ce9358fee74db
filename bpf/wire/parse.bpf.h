/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: step 1, from the frame to a struct packet, for both XDP
 * and tc: Ethernet, up to two VLAN tags, IPv4 with options, IPv6 with a bounded
 * walk of extension headers (RFC 8200), the fixed TCP header. What is not TCP
 * passes. What may be TCP but cannot be parsed completely gets a reason of its
 * own (REASON_unreadable), because the sender chose that form, and the kernel
 * would accept it: it strips any number of VLAN tags with id 0, walks any
 * number of extension headers, and reassembles IPv4 first fragments of 8 bytes
 * (RFC 1858, RFC 3128). All bounds checks of the ingress path are here, except
 * those for option bytes, which are in cookie/options.bpf.h.
 */
#ifndef SYNKEEPER_PARSE_BPF_H
#define SYNKEEPER_PARSE_BPF_H

#include "packet.bpf.h"

static __always_inline enum reason parse_tcp(struct span s, struct packet *p)
{
	struct tcphdr *th = s.data + p->l4;

	barrier_var(th); /* else clang 14 checks one pointer, uses another */
	if ((void *)(th + 1) > s.end)
		return REASON_unreadable;
	/* what the frame has beyond l4_len is padding */
	if (p->fragment && p->l4_len < sizeof(*th))
		return REASON_unreadable;
	p->tuple.client_port = th->source;
	p->tuple.server_port = th->dest;
	p->seq = bpf_ntohl(th->seq);
	p->ack = bpf_ntohl(th->ack_seq);
	p->tcp_len = ((__u8 *)th)[12] >> 4 << 2;
	p->flags = ((__u8 *)th)[13];
	return REASON_NONE;
}

static __always_inline enum reason parse_ipv4(struct span s, struct packet *p)
{
	struct iphdr *ip = s.data + p->l3;
	__u32 len, off, total;

	if ((void *)(ip + 1) > s.end)
		return REASON_not_tcp;
	len = (*(__u8 *)ip & 0xf) << 2;
	total = bpf_ntohs(ip->tot_len);
	if (*(__u8 *)ip >> 4 != 4 || ip->protocol != IPPROTO_TCP ||
	    len < sizeof(*ip) || total < len)
		return REASON_not_tcp;
	off = bpf_ntohs(ip->frag_off);
	if (off & IPV4_OFFSET)
		return REASON_later_fragment;

	p->v4 = 1;
	p->fragment = !!(off & IPV4_MF);
	p->l4 = p->l3 + len;
	p->l4_len = total - len;
	p->tuple.client[0] = p->tuple.client[1] = 0;
	p->tuple.server[0] = p->tuple.server[1] = 0;
	p->tuple.client[2] = p->tuple.server[2] = bpf_htonl(0xffff);
	p->tuple.client[3] = ip->saddr;
	p->tuple.server[3] = ip->daddr;
	return parse_tcp(s, p);
}

/*
 * Stores the offset of the TCP header in p->l4. The walk is bounded: at most
 * eight headers of at most 2 KB each.
 */
static __always_inline enum reason parse_ipv6_ext(struct span s,
						  struct packet *p, __u8 next)
{
	__u32 off = p->l3 + sizeof(struct ipv6hdr), zero = next;
	int i;

	/*
	 * A zero that the verifier takes for an unknown scalar: it then forgets
	 * by which headers an offset was reached, and checks each step once.
	 */
	barrier_var(zero);
	zero -= next;
	for (i = 0; i < IPV6_EXT_MAX && next != IPPROTO_TCP; i++) {
		__u8 *ext;

		if (next != EXT_HOP_BY_HOP && next != EXT_ROUTING &&
		    next != EXT_DESTINATION && next != EXT_FRAGMENT)
			return REASON_not_tcp;
		if (off > 0x3fff)
			return REASON_unreadable;
		off = (off + zero) & 0x3fff;
		ext = s.data + off;
		if ((void *)(ext + 8) > s.end)
			return REASON_unreadable;
		if (next == EXT_FRAGMENT) {
			__u32 frag = ext[2] << 8 | ext[3];

			if (frag & 0xfff8)
				return REASON_later_fragment;
			p->fragment |= frag & 1; /* of any fragment header */
			off += 8;
		} else {
			off += (ext[1] + 1) << 3;
		}
		next = ext[0];
	}
	if (next != IPPROTO_TCP || off > 0x3fff)
		return REASON_unreadable;
	p->l4 = off;
	return REASON_NONE;
}

/*
 * The end of the packet as ipv6_rcv() sees it (net/ipv6/ip6_input.c): a payload
 * length of 0 in front of hop-by-hop options means the rest of the frame, with
 * or without a jumbo payload option (RFC 2675).
 */
static __always_inline __u32 ipv6_end(struct span s, const struct packet *p,
				      const struct ipv6hdr *ip)
{
	__u32 len = bpf_ntohs(ip->payload_len);

	if (!len && ip->nexthdr == EXT_HOP_BY_HOP)
		return s.end - s.data;
	return p->l3 + sizeof(*ip) + len;
}

static __always_inline enum reason parse_ipv6(struct span s, struct packet *p)
{
	struct ipv6hdr *ip = s.data + p->l3;
	enum reason r;
	__u32 end;

	if ((void *)(ip + 1) > s.end || *(__u8 *)ip >> 4 != 6)
		return REASON_not_tcp;
	p->v4 = 0;
	p->fragment = 0;
	__builtin_memcpy(p->tuple.client, &ip->saddr, 16);
	__builtin_memcpy(p->tuple.server, &ip->daddr, 16);
	p->l4 = p->l3 + sizeof(*ip);
	end = ipv6_end(s, p, ip);
	if (ip->nexthdr != IPPROTO_TCP) {
		r = parse_ipv6_ext(s, p, ip->nexthdr);
		if (r)
			return r;
	}
	if (end < p->l4)
		return REASON_not_tcp;
	p->l4_len = end - p->l4;
	return parse_tcp(s, p);
}

static __always_inline bool is_vlan(__be16 proto)
{
	return proto == bpf_htons(ETHERTYPE_VLAN) ||
	       proto == bpf_htons(ETHERTYPE_QINQ);
}

static __always_inline enum reason parse(struct span s, struct packet *p)
{
	struct ethhdr *eth = s.data;
	__be16 proto;
	__u32 off = sizeof(*eth);
	int i;

	if ((void *)(eth + 1) > s.end)
		return REASON_not_tcp;
	__builtin_memcpy(p->dst_mac, eth->h_dest, 6);
	proto = eth->h_proto;
	for (i = 0; i < VLAN_TAGS_MAX; i++) {
		__be16 *tag = s.data + off; /* TCI, then the next type */

		if (!is_vlan(proto))
			break;
		if ((void *)(tag + 2) > s.end)
			return REASON_not_tcp;
		proto = tag[1];
		off += 4;
	}
	p->l3 = off;
	if (proto == bpf_htons(ETHERTYPE_IPV4))
		return parse_ipv4(s, p);
	if (proto == bpf_htons(ETHERTYPE_IPV6))
		return parse_ipv6(s, p);
	return is_vlan(proto) ? REASON_unreadable : REASON_not_tcp;
}

/*
 * Both are global functions: the verifier checks them once and does not carry
 * every path through the parser into the rest of the program.
 */
__noinline int parse_xdp(struct xdp_md *ctx, struct packet *p)
{
	return p ? parse(span_of(ctx), p) : REASON_not_tcp;
}

__noinline int parse_tc(struct __sk_buff *skb, struct packet *p)
{
	return p ? parse(span_of_skb(skb), p) : REASON_not_tcp;
}

/* tc: pulls the headers into the linear part if they lie outside of it. */
static __always_inline enum reason parse_skb(struct __sk_buff *skb,
					     struct packet *p)
{
	enum reason r = parse_tc(skb, p);

	if (r && !bpf_skb_pull_data(skb, skb->len < 256 ? skb->len : 256))
		r = parse_tc(skb, p);
	return r;
}

#endif
