/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: turns a packet from the client into an answer, in place.
 * struct packet already holds all that is needed of the original, so the new
 * headers are written word by word and the checksums computed from the same
 * words (one's complement sums are independent of byte order, RFC 1071). An
 * answer has no IPv4 options, IPv6 extension headers or data; the frame is
 * trimmed.
 */
#ifndef SYNKEEPER_WRITE_BPF_H
#define SYNKEEPER_WRITE_BPF_H

#include "packet.bpf.h"
#include "synkeeper/cookie.h"
#include "synkeeper/tcpopt_fast.h"

enum {
	MIN_FRAME = 60, /* Ethernet's minimum without the FCS */
	OPT_WORDS = 5,	/* MSS, SACK with timestamps (3), window scale */
	/* a flow label: what of the ISN, and never 0 */
	LABEL_SHIFT = 6,
	LABEL_OF_ISN = 0x7ffff,
	LABEL_STATELESS = 0x80000, /* IPV6_FLOWLABEL_STATELESS_FLAG */
};

struct answer {
	__u32 seq; /* host byte order */
	__u32 ack;
	__u16 window;
	__u8 flags;
	__u8 hop_limit;
	__u8 tos;      /* or traffic class */
	__u8 tos_kept; /* bits that stay as in the packet */
	__u8 words;    /* of options, 32 bits each */
	__u8 labelled; /* IPv6: with a flow label */
	__u8 onward;   /* not an answer: from the client to the server */
	__be32 opt[OPT_WORDS];
};

enum { TS_LEN = 12 }; /* timestamps in every segment, padded */

static __always_inline __u16 csum_fold(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

/* Fills in the options of the SYN-ACK, MSS first. @wscale: the server's. */
static __always_inline void answer_options(const struct handshake *hs,
					   __u32 our_mss, __u8 wscale,
					   __u32 tsval, __u32 tsecr,
					   struct answer *a)
{
	__be32 scale = bpf_htonl(WORD_NOP_WSCALE | wscale);

	a->opt[0] = bpf_htonl(WORD_MSS | our_mss);
	a->words = 1;
	if (hs->ts) {
		a->opt[1] = bpf_htonl(hs->sack ? WORD_SACK_TS : WORD_NOP_TS);
		a->opt[2] = bpf_htonl(tsval);
		a->opt[3] = bpf_htonl(tsecr);
		a->words = 4;
		if (hs->wscale != WSCALE_NONE) {
			a->opt[4] = scale;
			a->words = 5;
		}
	} else if (hs->sack) {
		a->opt[1] = bpf_htonl(WORD_NOP_SACK);
		a->words = 2;
		if (hs->wscale != WSCALE_NONE) {
			a->opt[2] = scale;
			a->words = 3;
		}
	} else if (hs->wscale != WSCALE_NONE) {
		a->opt[1] = scale;
		a->words = 2;
	}
}

/*
 * Trims or extends the frame to the answer's length, without undoing padding to
 * Ethernet's minimum. Returns 0 or a negative number.
 */
static __always_inline int answer_resize(struct xdp_md *ctx,
					 const struct packet *p, __u32 want)
{
	struct span s = span_of(ctx);
	__u32 have = s.end - s.data;

	if (p->l4 + p->l4_len > have) /* the rest is in other buffers */
		have = bpf_xdp_get_buff_len(ctx);
	if (want < MIN_FRAME && have > want)
		want = have < MIN_FRAME ? have : MIN_FRAME;
	if (want == have)
		return 0;
	return bpf_xdp_adjust_tail(ctx, (int)want - (int)have);
}

/* @hop: whom it goes to; NULL: the sender. */
static __always_inline void answer_macs(struct ethhdr *eth, const __u8 *hop)
{
	__u8 mac[6];

	__builtin_memcpy(mac, eth->h_dest, 6);
	__builtin_memcpy(eth->h_dest, hop ? hop : eth->h_source, 6);
	__builtin_memcpy(eth->h_source, mac, 6);
}

/* Writes the IP header; returns the address part of the pseudo-header's sum. */
static __always_inline __u64 answer_ipv4(__be32 *w, const struct packet *p,
					 __u32 tcp_len, const struct answer *a)
{
	__u64 addrs = (__u64)p->tuple.client[3] + p->tuple.server[3], sum;
	__u32 tos = a->tos | (a->tos_kept & bpf_ntohl(w[0]) >> 16);

	w[0] = bpf_htonl(0x45000000 | tos << 16 | (20 + tcp_len));
	w[1] = bpf_htonl(0x00004000); /* id 0, DF (RFC 6864) */
	w[2] = bpf_htonl((__u32)a->hop_limit << 24 | IPPROTO_TCP << 16);
	w[3] = a->onward ? p->tuple.client[3] : p->tuple.server[3];
	w[4] = a->onward ? p->tuple.server[3] : p->tuple.client[3];
	sum = addrs + w[0] + w[1] + w[2];
	((__u16 *)w)[5] = csum_fold(sum);
	return addrs;
}

/*
 * As ip6_make_flowlabel() of include/net/ipv6.h makes it of a random hash. The
 * ISN's bits of the MAC are random as well, and known to the client anyway. The
 * socket will choose another label, as after a cookie of the kernel's.
 */
static __always_inline __u32 answer_label(const struct answer *a)
{
	return a->labelled ? LABEL_STATELESS |
				     (a->seq >> LABEL_SHIFT & LABEL_OF_ISN)
			   : 0;
}

static __always_inline __u64 answer_ipv6(__be32 *w, const struct packet *p,
					 __u32 tcp_len, const struct answer *a)
{
	__u32 tclass = a->tos | (a->tos_kept & bpf_ntohl(w[0]) >> 20);
	__u64 sum = 0;
	int i;

	w[0] = bpf_htonl(0x60000000 | tclass << 20 | answer_label(a));
	w[1] = bpf_htonl(tcp_len << 16 | IPPROTO_TCP << 8 | a->hop_limit);
	for (i = 0; i < 4; i++) {
		w[2 + i] = a->onward ? p->tuple.client[i] : p->tuple.server[i];
		w[6 + i] = a->onward ? p->tuple.server[i] : p->tuple.client[i];
		sum += (__u64)p->tuple.server[i] + p->tuple.client[i];
	}
	return sum;
}

static __always_inline __be32 answer_ports(const struct packet *p,
					   const struct answer *a)
{
	return a->onward ? p->tuple.client_port | (__u32)p->tuple.server_port
							  << 16
			 : p->tuple.server_port | (__u32)p->tuple.client_port
							  << 16;
}

/*
 * Turns the frame, already of the right length, into answer @a. @hop: as of
 * answer_macs().
 */
static __always_inline enum reason answer_write(struct xdp_md *ctx,
						const struct packet *p,
						const struct answer *a,
						const __u8 *hop)
{
	__u32 tcp_len = TCP_HDR_LEN + a->words * 4, off = p->l3, i;
	struct span s = span_of(ctx);
	struct ethhdr *eth = s.data;
	__be32 *w;
	__u64 sum;

	/* off is 14, 18 or 22; the bound is for the verifier */
	if (off > 22 || (void *)(eth + 1) > s.end)
		return REASON_no_room;
	w = s.data + off;
	if (p->v4) {
		if ((void *)(w + 10) > s.end)
			return REASON_no_room;
		if (!a->onward)
			answer_macs(eth, hop);
		sum = answer_ipv4(w, p, tcp_len, a);
		w += 5;
	} else {
		if ((void *)(w + 15) > s.end)
			return REASON_no_room;
		if (!a->onward)
			answer_macs(eth, hop);
		sum = answer_ipv6(w, p, tcp_len, a);
		w += 10;
	}
	w[0] = answer_ports(p, a);
	w[1] = bpf_htonl(a->seq);
	w[2] = bpf_htonl(a->ack);
	w[3] = bpf_htonl(tcp_len << 26 | a->flags << 16 | a->window);
	w[4] = 0;
	sum += (__u64)w[0] + w[1] + w[2] + w[3] +
	       bpf_htonl(IPPROTO_TCP << 16 | tcp_len);
	for (i = 0; i < OPT_WORDS; i++) {
		if (i >= a->words)
			break;
		if ((void *)(w + 5 + i + 1) > s.end)
			return REASON_no_room;
		w[5 + i] = a->opt[i];
		sum += a->opt[i];
	}
	*(__u16 *)(w + 4) = csum_fold(sum);
	return REASON_NONE;
}

static __always_inline __u32 answer_len(const struct packet *p, __u32 words)
{
	return p->l3 + (p->v4 ? 20 : 40) + TCP_HDR_LEN + words * 4;
}

#endif
