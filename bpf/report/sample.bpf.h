/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the start of a dropped packet, for captures. Called only
 * while somebody captures, which a flag says. Limited per second and CPU, and
 * to the requested reasons and service; a full ring loses samples, nothing
 * else.
 */
#ifndef SYNKEEPER_SAMPLE_BPF_H
#define SYNKEEPER_SAMPLE_BPF_H

#include "budget.bpf.h"
#include "flow.bpf.h"

/* A global function, to keep it off the path of other packets. */
__noinline int sample(struct xdp_md *ctx, const struct flow *f, __u32 reason)
{
	struct settings *cfg = get_settings();
	struct sample *s;
	__u32 len, n;

	if (!cfg || !f || !(cfg->sample_reasons >> (reason & 63) & 1))
		return 0;
	if (cfg->sample_service && cfg->sample_service != f->ep.service)
		return 0;
	/* in sixteenths of a second: not only the start of each second */
	if (!budget_take_in(BUDGET_SAMPLE, 26,
			    cfg->samples_per_second / 16 + 1))
		return 0;
	s = bpf_ringbuf_reserve(&samples, sizeof(*s), 0);
	if (!s)
		return 0;
	len = bpf_xdp_get_buff_len(ctx);
	n = len < SAMPLE_BYTES ? len : SAMPLE_BYTES;
	s->when_ns = bpf_ktime_get_ns();
	s->ifindex = ctx->ingress_ifindex;
	s->length = len;
	s->service = f->ep.service;
	s->reason = reason;
	s->tuple = f->pkt.tuple;
	/*
	 * Two bounds for the verifier, which has none if the compiler turns the
	 * check into a subtraction. Linux 6.1 needs the lower one.
	 */
	barrier_var(n);
	if (n < sizeof(struct ethhdr) || bpf_xdp_load_bytes(ctx, 0, s->data, n))
		n = 0;
	s->data_len = n;
	bpf_ringbuf_submit(s, 0);
	return 0;
}

#endif
