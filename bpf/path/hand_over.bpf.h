/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: some SYNs only the owner can answer, because they ask
 * for what no cookie holds. In a flood of them the owner would be where it is
 * without Synkeeper, so it is handed only so many a second. Each kind has its
 * budget, so that a flood of one leaves the others theirs:
 *
 *   tiny MSS	no request of ours would keep it. Beyond the budget: dropped
 *   signed	the client accepts no answer without a signature, and whoever
 *		has no key accepts no signature. Dropped as well
 *   Fast Open	where the listener has it: its cookie and the data of the SYN
 *		are the owner's. Beyond the budget: answered as if the SYN
 *		had neither, which RFC 7413 section 4.1.3 has any client expect
 */
#ifndef SYNKEEPER_HAND_OVER_BPF_H
#define SYNKEEPER_HAND_OVER_BPF_H

#include "flow.bpf.h"
#include "report/budget.bpf.h"
#include "session/table.bpf.h"
#include "synkeeper/tcpopt.h"

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
 * Shall the owner answer this SYN? Returns REASON_handed_over, or @beyond (a
 * reason) if this second's budget of the CPU is used up. Whoever gets the
 * former calls record_handover(), which would be too deep a call here.
 */
static __always_inline enum reason
hand_over(enum budget_kind kind, __u32 per_second, enum reason beyond)
{
	return budget_take(kind, per_second) ? REASON_handed_over : beyond;
}

static __always_inline enum reason hand_over_small_mss(void)
{
	return hand_over(BUDGET_HAND_OVER, HANDED_OVER_PER_SECOND,
			 REASON_small_mss);
}

static __always_inline enum reason hand_over_signed(void)
{
	return hand_over(BUDGET_SIGNED, SIGNED_PER_SECOND, REASON_signed_syn);
}

/*
 * What SYN @f with options @o asks of the owner alone; REASON_NONE: nothing, or
 * nothing that it needs. Data alone may be Fast Open, too
 * (TCP_FASTOPEN_NO_COOKIE of <linux/tcp.h>, net.ipv4.tcp_fastopen & 0x200).
 */
static __always_inline enum reason hand_over_asked(const struct flow *f,
						   const struct tcp_opts *o)
{
	if (o->asks & OPTS_SIGNED)
		return hand_over_signed();
	if (f->ep.flags & ENDPOINT_FASTOPEN &&
	    (o->asks & OPTS_FAST_OPEN || f->pkt.l4_len > f->pkt.tcp_len))
		return hand_over(BUDGET_FAST_OPEN, FAST_OPEN_PER_SECOND,
				 REASON_NONE);
	return REASON_NONE;
}

#endif
