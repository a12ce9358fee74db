/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the option layouts that common systems send are
 * recognised in place (synkeeper/tcpopt_fast.h); anything else is copied to the
 * stack and walked by tcpopt_step().
 */
#ifndef SYNKEEPER_OPTIONS_BPF_H
#define SYNKEEPER_OPTIONS_BPF_H

#include "packet.bpf.h"
#include "synkeeper/tcpopt_fast.h"

static long tcpopt_step_bpf(__u32 i, void *walk)
{
	(void)i;
	return tcpopt_step(walk);
}

/*
 * The general parser, over @w->buf, which the caller has filled. @len: bytes of
 * options, 1 to 40; for the bounds that the 6.1 verifier needs see
 * tcpopt_len().
 */
static __always_inline void tcpopt_walk(struct tcpopt_walk *w, __u32 len,
					struct tcp_opts *ret)
{
	__u32 zero = len;

	/*
	 * A zero that the verifier takes for an unknown scalar: it then checks
	 * one state of the walk instead of every position and combination of
	 * options, which with clang 19 exceeds a million instructions.
	 */
	barrier_var(zero);
	zero -= len;
	tcp_opts_init(&w->opts);
	w->opts.tsval = w->opts.tsecr = zero;
	w->opts.mss = zero;
	w->opts.wscale += zero;
	w->opts.sack = w->opts.ts = w->opts.asks = zero;
	tcpopt_goto(w, zero);
	w->len = len;
	bpf_loop(TCPOPT_MAX_LEN, tcpopt_step_bpf, w, 0);
	*ret = w->opts;
}

/*
 * The length of @p's options, with bounds 4..40 that the verifier can see, or 0
 * if out of bounds. The 6.1 verifier derives no lower bound from a "not zero"
 * test, which clang 14 generates for most ways to write this.
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

static __always_inline int tcpopt_syn(struct xdp_md *ctx, struct span s,
				      const struct packet *p,
				      struct tcp_opts *o)
{
	tcp_opts_init(o);
	if (tcpopt_syn_fast(span_options(s, p), s.end, p->tcp_len - TCP_HDR_LEN,
			    o))
		return 0;
	return tcpopt_walk_xdp(ctx, p, o);
}

static __always_inline int tcpopt_ack(struct xdp_md *ctx, struct span s,
				      const struct packet *p,
				      struct tcp_opts *o)
{
	tcp_opts_init(o);
	if (tcpopt_ack_fast(span_options(s, p), s.end, p->tcp_len - TCP_HDR_LEN,
			    o))
		return 0;
	return tcpopt_walk_xdp(ctx, p, o);
}

#endif
