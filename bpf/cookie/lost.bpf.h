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
 * only for a segment that is about to draw a RST. Beyond the budget such a
 * client is taken for any other, as by the kernel with its own cookies: many
 * strays at once are a flood, of which few draw a RST, or a server that has
 * lost its connections.
 */
#ifndef SYNKEEPER_LOST_BPF_H
#define SYNKEEPER_LOST_BPF_H

#include "check.bpf.h"
#include "report/budget.bpf.h"

enum {
	LOST_SEARCHES_PER_SECOND = 100, /* a CPU; 1 % of it at 85 us */
	LOST_BYTES = 1460,
	LOST_SEGMENTS = 10, /* the initial window (RFC 6928) */
};

struct lost {
	struct siphash_key key;
	struct tuple tuple;
	__u32 cookie; /* the ISN of the SYN-ACK */
	__u32 isn;    /* the client's, if nothing was lost */
	__u32 len;    /* of this segment */
	__u32 promise;
	__u32 found;
};

/* One loop for both: Linux 6.1 does not find what a second one changed. */
static long lost_try(__u32 i, void *data)
{
	struct lost *l = data;
	__u32 lost = i < LOST_BYTES ? i + 1 : (i - LOST_BYTES + 1) * l->len;
	__u64 mac;

	if (!cookie_is_ours(&l->key, l->promise, &l->tuple, l->isn - lost,
			    l->cookie, &mac))
		return 0;
	l->found = 1;
	return 1;
}

/*
 * Does segment @p come after a handshake with a cookie of
 * ours whose ACK was lost? 0 also if the budget is used up. A global function,
 * to keep its stack apart from the caller's. @promise: check_promise().
 */
__noinline int lost_handshake(const struct packet *p, __u32 promise)
{
	const struct settings *cfg = get_settings();
	struct lost l = {};
	__u32 len;

	if (!cfg || !p)
		return 0;
	len = p->l4_len - p->tcp_len;
	if (!len && !(p->flags & FLAG_FIN))
		return 0; /* nothing was sent before it */
	if (!keys_check(cfg, p->ack - 1, KEYS_LIVE, &l.key))
		return 0;
	if (!budget_take(BUDGET_LOST, LOST_SEARCHES_PER_SECOND))
		return 0;
	l.promise = promise;
	l.tuple = p->tuple;
	l.cookie = p->ack - 1;
	l.isn = p->seq - 1;
	l.len = len;
	bpf_loop(LOST_BYTES + LOST_SEGMENTS, lost_try, &l, 0);
	return l.found;
}

#endif
