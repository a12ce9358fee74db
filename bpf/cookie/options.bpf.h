/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: reads TCP options where they stand. The layouts that
 * today's systems send are recognised (synkeeper/tcpopt_fast.h); everything
 * else is copied to the stack and walked by tcpopt_step().
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
 * The general parser, over @w->buf. @len: bytes of options, 1 to 40. The
 * caller has loaded them; bounds as the 6.1 verifier wants them are at
 * tcpopt_len().
 */
static __always_inline void tcpopt_walk(struct tcpopt_walk *w, __u32 len,
					struct tcp_opts *ret)
{
	__u32 zero = len;

	/*
	 * A 0 that the verifier takes for any number: it then looks at one
	 * state of the walk instead of following each position and combination
	 * of options, of which clang 19's code would show it a million.
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
