/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: rate limits, per second and CPU, for work that is worth
 * doing for a single unmatched packet but not for a flood of them.
 */
#ifndef SYNKEEPER_BUDGET_BPF_H
#define SYNKEEPER_BUDGET_BPF_H

#include "maps.bpf.h"

enum budget_kind {
	BUDGET_UNMATCHED, /* unmatched packets: socket lookup, old keys */
	BUDGET_RESET,
	BUDGET_SAMPLE,
	BUDGET_SOCKET_LOST,
	BUDGET_REFUSED,
	BUDGET_STALE_SOCKET,
	BUDGET_SYN_COUNT, /* only counts: budget_nth() */
	BUDGET_SYN_RUSH,
	BUDGET_QUEUE,
	BUDGET_LOST,
	BUDGET_REFUSED_SYN,
	BUDGET_HAND_OVER,
	BUDGET_ROUTED,
	BUDGET_FAST_OPEN,
	BUDGET_SIGNED,
	BUDGET_LEARN,
	BUDGET_ADOPT,
	BUDGET_SPLICE_FULL, /* only the time, see splice_note_full() */
	BUDGET_COUNT
};

/* All but the first two: each costs the daemon a few system calls. */
enum {
	UNMATCHED_PER_SECOND = 10000,
	HANDED_OVER_PER_SECOND = 100,
	FAST_OPEN_PER_SECOND = 100,
	SIGNED_PER_SECOND = 100,
	LEARN_PER_SECOND = 10, /* SYNs to a server that was never seen */
	ADOPT_PER_SECOND = 10000,
	SOCKETS_LOST_PER_SECOND = 100,
	REFUSED_PER_SECOND = 10,
	STALE_SOCKETS_PER_SECOND = 500,
	ROUTED_PER_SECOND = 32, /* a request and an ARP query each */
};

/* Of SYNs to services that are not armed; see report_disarmed_syn(). */
enum { RUSH_SYNS = 64, RUSH_SHIFT = 25 /* 34 ms */ };

struct budget {
	__u32 second; /* 2^30 ns, or another interval */
	__u32 used;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, BUDGET_COUNT);
	__type(key, __u32);
	__type(value, struct budget);
} budgets SEC(".maps");

/* Takes one of @max per 2^@shift ns. Returns false if they are used up. */
static __always_inline bool budget_take_in(__u32 kind, __u32 shift, __u32 max)
{
	struct budget *b = bpf_map_lookup_elem(&budgets, &kind);
	__u32 second = bpf_ktime_get_coarse_ns() >> shift;

	if (!b)
		return false;
	if (b->second != second) {
		b->second = second;
		b->used = 0;
	}
	if (b->used >= max)
		return false;
	b->used++;
	return true;
}

/* True once in @n calls, a power of two, whatever their rate. No clock read. */
static __always_inline bool budget_nth(__u32 kind, __u32 n)
{
	struct budget *b = bpf_map_lookup_elem(&budgets, &kind);

	return b && !(++b->used & (n - 1));
}

static __always_inline bool budget_take(__u32 kind, __u32 per_second)
{
	return budget_take_in(kind, 30, per_second);
}

#endif
