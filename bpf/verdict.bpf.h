/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: step 6, the one exit. The steps before returned a
 * reason; here it is counted, once, and becomes an XDP action by the table in
 * synkeeper/reasons.h.
 */
#ifndef SYNKEEPER_VERDICT_BPF_H
#define SYNKEEPER_VERDICT_BPF_H

#include "maps.bpf.h"

static __always_inline int verdict(__u16 service, enum reason reason)
{
	count(service, reason);
	switch (reason) {
#define X(name, action, text) \
	case REASON_##name:   \
		return XDP_##action;
		SYNKEEPER_REASONS(X)
#undef X
	default:
		return XDP_PASS;
	}
}

#endif
