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
 * Leaves SYN @f to the owner. Returns REASON_handed_over, or @beyond (a reason)
 * if this second's budget of the CPU is used up.
 *
 * The handshake gets an entry in the session table. An ACK of a known tuple is
 * asked about even when a flood has used up the budget for unmatched packets.
 * Entries in this state are evicted first. A global function, to keep its stack
 * apart from the caller's.
 */
__noinline int hand_over(const struct flow *f, __u32 beyond)
{
	struct session_new n = {};

	if (!f || !budget_take(BUDGET_HAND_OVER, HANDED_OVER_PER_SECOND))
		return beyond;
	n.tuple = f->pkt.tuple;
	n.service = f->ep.service;
	n.inputs = 1 << INPUT_SYN;
	if (f->slot < 0)
		session_insert(&n);
	return REASON_handed_over;
}

#endif
