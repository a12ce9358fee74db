/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: reads TCP options where they stand. The layouts that
 * today's systems send are recognised by comparing 32-bit words with a mask;
 * everything else is copied to the stack and walked by tcpopt_step(). Both
 * must agree, for which tests/bpf has a table.
 */
#ifndef SYNKEEPER_TCPOPT_BPF_H
#define SYNKEEPER_TCPOPT_BPF_H

#include "packet.bpf.h"
#include "synkeeper/tcpopt.h"

#define WORD_IS(word, mask, value) \
	(((word)&bpf_htonl(mask)) == bpf_htonl(value))

enum {
	WORD_MSS = 0x02040000,	      /* MSS, 16 bits of it below */
	WORD_NOP_WSCALE = 0x01030300, /* NOP, window scale */
	WORD_NOP_SACK = 0x01010402,   /* NOP, NOP, SACK permitted */
	WORD_SACK_TS = 0x0402080a,    /* SACK permitted, timestamps follow */
	WORD_NOP_TS = 0x0101080a,     /* NOP, NOP, timestamps follow */
	WORD_SACK_EOL = 0x04020000,
};

static long tcpopt_step_bpf(__u32 i, void *walk)
{
	(void)i;
	return tcpopt_step(walk);
}

/*
 * The general parser, over @w->buf. @len: bytes of options, 1 to 40. The
 * caller has loaded them; bounds as the 6.1 verifier wants them are at
 * tcpopt_len().
 */
static __always_inline void tcpopt_walk(struct tcpopt_walk *w, __u32 len,
					struct tcp_opts *ret)
{
	__u32 zero = len;

	/*
	 * A 0 that the verifier takes for any number: it then looks at one state
	 * of the walk instead of following each position and combination of
	 * options, of which clang 19's code would show it a million.
	 */
	barrier_var(zero);
	zero -= len;
	tcp_opts_init(&w->opts);
	w->opts.tsval = w->opts.tsecr = zero;
	w->opts.mss = zero;
	w->opts.wscale += zero;
	w->opts.sack = w->opts.ts = zero;
	tcpopt_goto(w, zero);
	w->len = len;
	bpf_loop(TCPOPT_MAX_LEN, tcpopt_step_bpf, w, 0);
	*ret = w->opts;
}

/*
 * The length of @p's options as a number that the verifier sees to be within
 * 4..40; 0 if it is not. The 6.1 verifier takes no lower bound from an
 * inequality with zero, which clang 14 makes of most ways to write this.
 */
static __always_inline __u32 tcpopt_len(const struct packet *p)
{
	__u32 len = p->tcp_len - TCP_HDR_LEN;

	barrier_var(len);
	if (len < 4 || len > TCPOPT_MAX_LEN)
		return 0;
	return len;
}

static __noinline int tcpopt_walk_xdp(struct xdp_md *ctx,
				      const struct packet *p,
				      struct tcp_opts *ret)
{
	__u32 len = tcpopt_len(p);
	struct tcpopt_walk w = {};

	if (!len || bpf_xdp_load_bytes(ctx, p->l4 + TCP_HDR_LEN, w.buf, len))
		return -1;
	tcpopt_walk(&w, len, ret);
	return 0;
}

static __noinline int tcpopt_walk_skb(struct __sk_buff *skb,
				      const struct packet *p,
				      struct tcp_opts *ret)
{
	__u32 len = tcpopt_len(p);
	struct tcpopt_walk w = {};

	if (!len || bpf_skb_load_bytes(skb, p->l4 + TCP_HDR_LEN, w.buf, len))
		return -1;
	tcpopt_walk(&w, len, ret);
	return 0;
}

static __always_inline void wscale_set(struct tcp_opts *o, __u32 word)
{
	__u8 shift = bpf_ntohl(word);

	o->wscale = shift > WSCALE_MAX ? WSCALE_MAX : shift;
}

/*
 * The common layouts of a SYN: Linux, Windows, macOS, FreeBSD, or MSS alone.
 * Returns false if it is none of them.
 */
static __always_inline bool
tcpopt_syn_fast(struct span s, const struct packet *p, struct tcp_opts *o)
{
	__be32 *w = span_options(s, p);
	__u32 len = p->tcp_len - TCP_HDR_LEN;

	if (len == 0)
		return true;
	if ((void *)(w + 1) > s.end || !WORD_IS(w[0], 0xffff0000, WORD_MSS))
		return false;
	o->mss = bpf_ntohl(w[0]);
	if (len == 4)
		return true;
	if (len == 20) {
		if ((void *)(w + 5) > s.end)
			return false;
		if (w[1] == bpf_htonl(WORD_SACK_TS) &&
		    WORD_IS(w[4], 0xffffff00, WORD_NOP_WSCALE)) { /* Linux */
			wscale_set(o, w[4]);
			o->tsval = bpf_ntohl(w[2]);
		} else if (WORD_IS(w[1], 0xffffff00, WORD_NOP_WSCALE) &&
			   w[2] == bpf_htonl(WORD_SACK_TS)) { /* FreeBSD */
			wscale_set(o, w[1]);
			o->tsval = bpf_ntohl(w[3]);
		} else {
			return false;
		}
		o->sack = o->ts = 1;
		return true;
	}
	if (len == 12) { /* Windows */
		if ((void *)(w + 3) > s.end ||
		    !WORD_IS(w[1], 0xffffff00, WORD_NOP_WSCALE) ||
		    w[2] != bpf_htonl(WORD_NOP_SACK))
			return false;
		wscale_set(o, w[1]);
		o->sack = 1;
		return true;
	}
	if (len == 24) { /* macOS */
		if ((void *)(w + 6) > s.end ||
		    !WORD_IS(w[1], 0xffffff00, WORD_NOP_WSCALE) ||
		    w[2] != bpf_htonl(WORD_NOP_TS) ||
		    w[5] != bpf_htonl(WORD_SACK_EOL))
			return false;
		wscale_set(o, w[1]);
		o->tsval = bpf_ntohl(w[3]);
		o->sack = o->ts = 1;
		return true;
	}
	return false;
}

static __always_inline int tcpopt_syn(struct xdp_md *ctx, struct span s,
				      const struct packet *p,
				      struct tcp_opts *o)
{
	tcp_opts_init(o);
	if (tcpopt_syn_fast(s, p, o))
		return 0;
	return tcpopt_walk_xdp(ctx, p, o);
}

/* Of an ACK only the timestamps are of interest; nearly always they lead. */
static __always_inline int tcpopt_ack(struct xdp_md *ctx, struct span s,
				      const struct packet *p,
				      struct tcp_opts *o)
{
	__be32 *w = span_options(s, p);

	tcp_opts_init(o);
	if (p->tcp_len == TCP_HDR_LEN)
		return 0;
	if (p->tcp_len >= TCP_HDR_LEN + 12 && (void *)(w + 3) <= s.end &&
	    w[0] == bpf_htonl(WORD_NOP_TS)) {
		o->ts = 1;
		o->tsval = bpf_ntohl(w[1]);
		o->tsecr = bpf_ntohl(w[2]);
		return 0;
	}
	return tcpopt_walk_xdp(ctx, p, o);
}

#endif
