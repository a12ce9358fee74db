/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: answers overwrite the packet in place. struct packet
 * already holds all that is needed of the original, so the new headers are
 * written word by word and the checksums computed from the same words (one's
 * complement sums are independent of byte order, RFC 1071). An answer has no
 * IPv4 options, IPv6 extension headers or data; the frame is trimmed.
 *
 * A SYN-ACK has only options that the SYN had, plus the MSS, so it is at most
 * four bytes longer than the SYN. If the driver has no tailroom for those four,
 * the MSS option is left out and the client assumes 536 (IPv6: 1220).
 */
#ifndef SYNKEEPER_ANSWER_BPF_H
#define SYNKEEPER_ANSWER_BPF_H

#include "cookie/keys.bpf.h"
#include "cookie/options.bpf.h"
#include "hand_over.bpf.h"
#include "owner/owner.bpf.h"

enum {
	MIN_FRAME = 60, /* Ethernet's minimum without the FCS */
	OPT_WORDS = 5,	/* MSS, SACK with timestamps (3), window scale */
	TS_LEN = 12,	/* timestamps in every segment, padded */
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
	__be32 opt[OPT_WORDS];
};

static __always_inline __u16 csum_fold(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
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
	w[3] = p->tuple.server[3];
	w[4] = p->tuple.client[3];
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
		w[2 + i] = p->tuple.server[i];
		w[6 + i] = p->tuple.client[i];
		sum += (__u64)p->tuple.server[i] + p->tuple.client[i];
	}
	return sum;
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
		answer_macs(eth, hop);
		sum = answer_ipv4(w, p, tcp_len, a);
		w += 5;
	} else {
		if ((void *)(w + 15) > s.end)
			return REASON_no_room;
		answer_macs(eth, hop);
		sum = answer_ipv6(w, p, tcp_len, a);
		w += 10;
	}
	w[0] = p->tuple.server_port | (__u32)p->tuple.client_port << 16;
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
 * What the listener set for its SYN-ACKs: tcp_v4_send_synack() and
 * ip_select_ttl(), tcp_v6_send_synack() and ip6_xmit() of the kernel. The
 * lowest two bits of the TOS are ECN's, which is not negotiated yet.
 */
static __always_inline void answer_as_listener(const struct settings *cfg,
					       const struct flow *f,
					       struct answer *a)
{
	a->hop_limit = f->ep.hop_limit ? f->ep.hop_limit
		       : f->hop_limit  ? f->hop_limit
		       : f->pkt.v4     ? cfg->ttl
				       : cfg->hop_limit;
	a->tos = f->ep.tos;
	a->labelled = !!(cfg->flags & SETTING_FLOW_LABEL);
	if (cfg->flags & SETTING_REFLECT_TOS) {
		a->tos &= ECN_MASK;
		a->tos_kept = (__u8)~ECN_MASK;
	}
}

/*
 * Whole segments of @len bytes, of a buffer for @window bytes, as
 * tcp_select_initial_window() (net/ipv4/tcp_output.c) cuts it. @most: segments;
 * 0: no bound. The field holds no more than 65535: a SYN-ACK's window is not
 * scaled.
 */
static __always_inline __u16 answer_window(__u32 window, __u32 len, __u32 most)
{
	if (window > len)
		window -= window % len;
	if (most && window > most * len)
		window = most * len;
	return window > 0xffff ? 0xffff : window;
}

/*
 * Turns SYN @f into a SYN-ACK with cookie @c that offers @hs. @our_mss: from
 * the MTU of this interface. @tsval: the client's.
 */
static __always_inline enum reason
answer_syn_ack(struct xdp_md *ctx, const struct settings *cfg,
	       const struct flow *f, const struct handshake *hs,
	       const struct cookie *c, __u32 our_mss, __u32 tsval)
{
	const struct packet *p = &f->pkt;
	struct answer a = {};
	enum reason r;
	__u32 i;

	if (f->ep.mss && f->ep.mss < our_mss)
		our_mss = f->ep.mss;
	a.seq = c->isn;
	a.ack = p->seq + 1;
	a.flags = FLAG_SYN | FLAG_ACK | (hs->ecn ? FLAG_ECE : 0);
	a.window = answer_window(f->ep.window, our_mss - (hs->ts ? TS_LEN : 0),
				 f->initrwnd);
	if (f->ep.announced && f->ep.announced < our_mss)
		our_mss = f->ep.announced; /* rewritten by a firewall */
	answer_as_listener(cfg, f, &a);
	answer_options(hs, our_mss, f->ep.wscale, c->tsval, tsval, &a);
	if (answer_resize(ctx, p, answer_len(p, a.words))) {
		a.words--;
		for (i = 0; i < OPT_WORDS - 1; i++)
			a.opt[i] = a.opt[i + 1];
		if (answer_resize(ctx, p, answer_len(p, a.words)))
			return REASON_no_room;
	}
	r = answer_write(ctx, p, &a, f->hop);
	if (r)
		return r;
	return f->hop_unknown ? REASON_answered_back : REASON_answered;
}

/*
 * Step 4: turns a SYN into its SYN-ACK, or returns why not, as hand_over(), and
 * leaves it alone. A global function: the verifier checks it once instead of
 * once per path that leads here.
 */
__noinline int answer_syn(struct xdp_md *ctx, const struct flow *f,
			  __u32 our_mss)
{
	struct settings *cfg = get_settings();
	const struct siphash_key *key;
	struct handshake hs;
	struct cookie cookie;
	struct tcp_opts o;
	enum reason r;
	__u32 epoch;

	if (!cfg || !f)
		return REASON_not_ready;
	key = keys_make(cfg, &epoch);
	if (!key)
		return REASON_not_ready;
	if (tcpopt_syn(ctx, span_of(ctx), &f->pkt, &o))
		return REASON_bad_header;
	r = hand_over_asked(f, &o);
	if (r)
		return r;
	owner_offer(ctx, cfg, f, &o, &hs);
	if (!cookie_can_hold(f->pkt.v4, hs.mss))
		return hand_over_small_mss();
	cookie_make(key, epoch, &f->pkt.tuple, f->pkt.seq, &hs, &cookie);
	return answer_syn_ack(ctx, cfg, f, &hs, &cookie, our_mss, o.tsval);
}

/*
 * The same with the owner's cookie. @source: enum source_kind, or 0. Fast Open
 * is not the owner's either while it makes cookies for all (tcp_conn_request()
 * in net/ipv4/tcp_input.c).
 */
__noinline int answer_syn_kernel(struct xdp_md *ctx, const struct flow *f,
				 __u32 our_mss, __u32 source)
{
	struct settings *cfg = get_settings();
	struct cookie cookie = {};
	struct handshake hs;
	struct tcp_opts o;
	enum reason r;

	if (!cfg || !f)
		return REASON_not_ready;
	if (tcpopt_syn(ctx, span_of(ctx), &f->pkt, &o))
		return REASON_bad_header;
	if (o.asks & OPTS_SIGNED)
		return hand_over_signed();
	owner_offer(ctx, cfg, f, &o, &hs);
	r = owner_cookie(ctx, f, source, &hs, &cookie);
	return r ? r
		 : answer_syn_ack(ctx, cfg, f, &hs, &cookie, our_mss, o.tsval);
}

#endif
