/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: ICMP errors about what the server sent. They quote the
 * packet as it was outside, with the sequence number that the client knows, and
 * the server ignores an error about a number that it has not sent (RFC 5927
 * section 4.1): path MTU discovery (RFC 1191, RFC 8201) would fail, and
 * downloads over a narrow path would hang. So the quoted number becomes the
 * server's. Only the beginning of the quoted TCP header is certain to be there,
 * which is enough.
 */
#ifndef SYNKEEPER_SPLICE_ICMP_BPF_H
#define SYNKEEPER_SPLICE_ICMP_BPF_H

#include "splice.bpf.h"

enum {
	PROTO_ICMP = 1,
	PROTO_ICMPV6 = 58,
	ICMP_UNREACHABLE = 3, /* of IPv4, with "fragmentation needed" */
	ICMPV6_ERROR_MAX = 4, /* 1 to 4, with "packet too big" */
	ICMP_HDR_LEN = 8,
	ICMP_CHECK_AT = 2,
	IPV4_LEN = 20,
	IPV6_LEN = 40,
};

/* The beginning of the quoted TCP header. */
struct splice_quote {
	__be16 server_port;
	__be16 client_port;
	__be32 seq;
};

/* Where an error is in the frame. */
struct splice_error {
	struct tuple tuple; /* of the packet that it quotes */
	__u32 icmp;
	__u32 tcp; /* of the quoted packet */
};

/* Reads an IPv4 error, without options in either header. Returns 0, or -1. */
static __noinline int splice_error4(struct __sk_buff *skb, __u32 l3,
				    struct splice_error *ret)
{
	struct iphdr outer, quoted;
	__u8 type;

	if (bpf_skb_load_bytes(skb, l3, &outer, sizeof(outer)) ||
	    *(__u8 *)&outer != 0x45 || outer.protocol != PROTO_ICMP ||
	    bpf_skb_load_bytes(skb, l3 + IPV4_LEN, &type, 1) ||
	    type != ICMP_UNREACHABLE)
		return -1;
	ret->icmp = l3 + IPV4_LEN;
	l3 = ret->icmp + ICMP_HDR_LEN;
	if (bpf_skb_load_bytes(skb, l3, &quoted, sizeof(quoted)) ||
	    *(__u8 *)&quoted != 0x45 || quoted.protocol != IPPROTO_TCP)
		return -1;
	ret->tcp = l3 + IPV4_LEN;
	ret->tuple.client[2] = ret->tuple.server[2] = bpf_htonl(0xffff);
	ret->tuple.client[3] = quoted.daddr;
	ret->tuple.server[3] = quoted.saddr;
	return 0;
}

/* The same for IPv6, without extension headers. */
static __noinline int splice_error6(struct __sk_buff *skb, __u32 l3,
				    struct splice_error *ret)
{
	__u8 next, type;

	if (bpf_skb_load_bytes(skb, l3 + 6, &next, 1) || next != PROTO_ICMPV6 ||
	    bpf_skb_load_bytes(skb, l3 + IPV6_LEN, &type, 1) || !type ||
	    type > ICMPV6_ERROR_MAX)
		return -1;
	ret->icmp = l3 + IPV6_LEN;
	l3 = ret->icmp + ICMP_HDR_LEN;
	if (bpf_skb_load_bytes(skb, l3 + 6, &next, 1) || next != IPPROTO_TCP ||
	    bpf_skb_load_bytes(skb, l3 + 8, ret->tuple.server, 16) ||
	    bpf_skb_load_bytes(skb, l3 + 24, ret->tuple.client, 16))
		return -1;
	ret->tcp = l3 + IPV6_LEN;
	return 0;
}

/*
 * tc ingress: a packet that is not TCP. Translates what it quotes, if it is an
 * error about an open spliced connection. Returns a tc verdict. A global
 * function, to keep its stack apart.
 */
__noinline int splice_icmp(struct __sk_buff *skb)
{
	const __u32 l3 = sizeof(struct ethhdr);
	struct splice_error e = {};
	struct splice_quote quote;
	struct splice *sp;
	__be32 seq;
	int err = -1;

	if (skb->protocol == bpf_htons(ETHERTYPE_IPV4))
		err = splice_error4(skb, l3, &e);
	else if (skb->protocol == bpf_htons(ETHERTYPE_IPV6))
		err = splice_error6(skb, l3, &e);
	if (err || bpf_skb_load_bytes(skb, e.tcp, &quote, sizeof(quote)))
		return TCX_NEXT;
	e.tuple.client_port = quote.client_port;
	e.tuple.server_port = quote.server_port;
	sp = splice_of(&e.tuple);
	if (!sp || splice_state(sp) != SPLICE_OPEN)
		return TCX_NEXT;
	seq = bpf_htonl(bpf_ntohl(quote.seq) + sp->server_isn - sp->cookie);
	if (bpf_skb_store_bytes(skb, e.tcp + offsetof(struct splice_quote, seq),
				&seq, sizeof(seq), 0) ||
	    bpf_l4_csum_replace(skb, e.icmp + ICMP_CHECK_AT, quote.seq, seq,
				sizeof(seq)))
		return TCX_DROP;
	return TCX_NEXT;
}

#endif
