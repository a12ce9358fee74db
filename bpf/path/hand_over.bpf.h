/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: some SYNs only the owner can answer, because they ask
 * for what no cookie holds. In a flood of them the owner would be where it is
 * without Synkeeper, so it is handed only so many a second.
 */
#ifndef SYNKEEPER_HAND_OVER_BPF_H
#define SYNKEEPER_HAND_OVER_BPF_H

#include "flow.bpf.h"
#include "report/budget.bpf.h"
#include "session/table.bpf.h"

/*
 * The owner makes the handshake of SYN @f: its ACK has no cookie of ours, and
 * has to be looked up even in a flood. A session that waits for a socket of
 * this tuple has waited in vain. The entry is evicted before any session is. A
 * global function, to keep its stack apart.
 */
__noinline int record_handover(struct flow *f)
{
	struct session_new n = { .inputs = 1 << INPUT_SYN };

	if (!f)
		return 0;
	n.tuple = f->pkt.tuple;
	n.service = f->ep.service;
	if (f->slot >= 0)
		session_feed(f->slot, 1 << INPUT_IDLE);
	return session_insert(&n);
}

/*
 * Leaves SYN @f to the owner. Returns REASON_handed_over, or @beyond (a reason)
 * if this second's budget of the CPU is used up.
 */
static __always_inline enum reason hand_over(struct flow *f, enum reason beyond)
{
	if (!budget_take(BUDGET_HAND_OVER, HANDED_OVER_PER_SECOND))
		return beyond;
	record_handover(f);
	return REASON_handed_over;
}

#endif
