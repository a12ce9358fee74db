/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: step 6, the only exit. The reason that the earlier steps
 * returned is counted, once, and mapped to an XDP action by the table in
 * synkeeper/reason_table.h. Packets to a monitored service are evaluated in the
 * same way but always pass; what would have happened to them is counted
 * separately. Dropped packets may be sampled for a capture.
 */
#ifndef SYNKEEPER_VERDICT_BPF_H
#define SYNKEEPER_VERDICT_BPF_H

#include "report/sample.bpf.h"

static __always_inline int action_of(enum reason reason)
{
	switch (reason) {
#define REASON(name, action, ...) \
	case REASON_##name:       \
		return XDP_##action;
#include "synkeeper/reason_table.h"
	default:
		return XDP_PASS;
	}
}

/* stale_socket implies a valid cookie of ours, which is honoured. */
static __always_inline bool is_monitored(const struct flow *f,
					 enum reason reason)
{
	return f->ep.mode == ENDPOINT_MONITOR && reason != REASON_stale_socket;
}

static __always_inline int verdict(struct xdp_md *ctx,
				   const struct settings *cfg,
				   const struct flow *f, enum reason reason)
{
	int action = action_of(reason);

	if (action == XDP_DROP && cfg->flags & SETTING_SAMPLED)
		sample(ctx, f, reason);
	if (action != XDP_PASS && is_monitored(f, reason)) {
		count_monitored(cfg, f->ep.service, reason);
		return XDP_PASS;
	}
	count(f->ep.service, reason);
	return action;
}

#endif
