/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the client's ACK and its first data were lost, and what
 * follows them arrives. The cookie's MAC covers the client's ISN, which is then
 * not the sequence number before this segment's but one further back. A client
 * that would be reset otherwise is worth trying the likely ones: after less
 * than a segment of first data, and after whole segments like this one. A hit
 * proves that the client sends its first data again, with a cookie that counts.
 *
 * That costs as much as a thousand other packets: only within a budget, and
 * only for a segment that is about to draw a RST.
 */
#ifndef SYNKEEPER_LOST_BPF_H
#define SYNKEEPER_LOST_BPF_H

#include "check.bpf.h"
#include "report/budget.bpf.h"

enum {
	LOST_SEARCHES_PER_SECOND = 250, /* a CPU; 1 % of it at 40 us */
	LOST_BYTES = 1460,
	LOST_SEGMENTS = 10, /* the initial window (RFC 6928) */
};

struct lost {
	struct siphash_key key;
	struct tuple tuple;
	struct cookie cookie;
	__u32 isn; /* if nothing was lost */
	__u32 step;
	__u8 ts;
	__u8 found;
};

static long lost_try(__u32 i, void *data)
{
	struct lost *l = data;
	struct handshake hs;

	if (!cookie_check(&l->key, &l->tuple, l->isn - (i + 1) * l->step,
			  &l->cookie, l->ts, &hs))
		return 0;
	l->found = 1;
	return 1;
}

/*
 * Does segment @p, with options @o, come after a handshake with a cookie of
 * ours whose ACK was lost? 1, 0, or -1: not known, as the budget is used up. A
 * global function, to keep its stack apart from the caller's.
 */
__noinline int lost_handshake(const struct packet *p, const struct tcp_opts *o)
{
	const struct siphash_key *key;
	struct lost l = { .step = 1 };
	__u32 len;

	if (!p || !o)
		return 0;
	len = p->l4_len - p->tcp_len;
	if (!len && !(p->flags & FLAG_FIN))
		return 0; /* nothing was sent before it */
	key = keys_check(p->ack - 1, KEYS_LIVE);
	if (!key)
		return 0;
	if (!budget_take(BUDGET_LOST, LOST_SEARCHES_PER_SECOND))
		return -1;
	l.key = *key;
	l.tuple = p->tuple;
	l.cookie.isn = p->ack - 1;
	l.cookie.tsval = o->tsecr;
	l.isn = p->seq - 1;
	l.ts = o->ts;
	bpf_loop(LOST_BYTES, lost_try, &l, 0);
	if (!l.found && len > 1) {
		l.step = len;
		bpf_loop(LOST_SEGMENTS, lost_try, &l, 0);
	}
	return l.found;
}

#endif
