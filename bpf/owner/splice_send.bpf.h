/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: segments in a client's name. A packet of the server's
 * that reached tc egress is rewritten in place, with addresses and ports turned
 * around, and enters again on ingress, from where it goes the way of all the
 * client's packets. Its checksum is mended, not computed: a partial one holds
 * the pseudo-header alone, which only a change of length touches.
 */
#ifndef SYNKEEPER_SPLICE_SEND_BPF_H
#define SYNKEEPER_SPLICE_SEND_BPF_H

#include "splice.bpf.h"

enum {
	TCP_WORDS = 15,	   /* of the longest header; */
	SPLICE_WORDS = 16, /* ... a power of two */
	TCP_CHECK_AT = 16,
	SEGMENT_WORDS = 5 + OPT_WORDS,
	SEGMENT_TTL = 64,
	PSEUDO_HDR = 0x10, /* BPF_F_PSEUDO_HDR */
	PSEUDO_LEN = PSEUDO_HDR | 2,
};

/*
 * @len itself, the length of a TCP header: the verifier of Linux 6.1 sees no
 * lower bound in a comparison.
 */
static __always_inline __u32 splice_len(__u32 len)
{
	barrier_var(len);
	return ((len - 1) & 63) + 1;
}

/* The frame goes back where it came from. */
static __always_inline int splice_turn_macs(struct __sk_buff *skb)
{
	__u8 macs[12], turned[12];

	if (bpf_skb_load_bytes(skb, 0, macs, sizeof(macs)))
		return -1;
	__builtin_memcpy(turned, macs + 6, 6);
	__builtin_memcpy(turned + 6, macs, 6);
	return bpf_skb_store_bytes(skb, 0, turned, sizeof(turned), 0);
}

/* The IP header of a segment of @tcp_len bytes, data included. */
static __noinline int splice_put_ip(struct __sk_buff *skb,
				    const struct packet *p, __u32 tcp_len,
				    __u8 tos)
{
	struct answer a = { .onward = 1, .hop_limit = SEGMENT_TTL, .tos = tos };
	__be32 w[10] = {};

	if (p->v4) {
		answer_ipv4(w, p, tcp_len, &a);
		return bpf_skb_store_bytes(skb, p->l3, w, 20, 0);
	}
	answer_ipv6(w, p, tcp_len, &a);
	return bpf_skb_store_bytes(skb, p->l3, w, 40, 0);
}

/* The TCP header; what follows it is cut. */
static __noinline int splice_put_tcp(struct __sk_buff *skb,
				     const struct packet *p,
				     const struct answer *seg)
{
	__be32 was[SPLICE_WORDS] = {}, is[SPLICE_WORDS] = {};
	__u32 had = skb->len - p->l4, len = TCP_HDR_LEN + seg->words * 4, i;
	__u32 l4 = p->l4;
	__s64 diff;

	if (had < TCP_HDR_LEN || had > sizeof(was))
		return -1;
	had = splice_len(had);
	if (bpf_skb_load_bytes(skb, l4, was, had))
		return -1;
	is[0] = answer_ports(p, seg);
	is[1] = bpf_htonl(seg->seq);
	is[2] = bpf_htonl(seg->ack);
	is[3] = bpf_htonl(len << 26 | seg->flags << 16 | seg->window);
	is[4] = was[4] & bpf_htonl(0xffff0000); /* no urgent pointer */
	for (i = 0; i < OPT_WORDS; i++)
		if (i < seg->words)
			is[5 + i] = seg->opt[i];
	diff = bpf_csum_diff(was, sizeof(was), is, sizeof(is), 0);
	if (bpf_skb_change_tail(skb, l4 + len, 0))
		return -1;
	len = splice_len(len);
	if (bpf_skb_store_bytes(skb, l4, is, len, 0) ||
	    bpf_l4_csum_replace(skb, l4 + TCP_CHECK_AT, 0, diff, 0))
		return -1;
	return bpf_l4_csum_replace(skb, l4 + TCP_CHECK_AT,
				   bpf_htons((__u16)had), bpf_htons((__u16)len),
				   PSEUDO_LEN);
}

/*
 * Rewrites the packet @p of the server's, turned around and without data, into
 * segment @seg of the client's, which goes onward and has a TTL of its own.
 * Returns 0, or another number: drop it.
 */
static __noinline int splice_rewrite(struct __sk_buff *skb,
				     const struct packet *p,
				     const struct answer *seg)
{
	/* no IPv4 options or extension headers */
	if (p->l4 - p->l3 != (p->v4 ? 20 : 40))
		return -1;
	if (splice_put_tcp(skb, p, seg) || splice_turn_macs(skb))
		return -1;
	return splice_put_ip(skb, p, TCP_HDR_LEN + seg->words * 4, seg->tos);
}

#endif
