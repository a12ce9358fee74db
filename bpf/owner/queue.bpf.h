/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the listener's accept queue, see
 * synkeeper/accept_queue.h for what is decided. tc starts the watch when it
 * hands over a connection, SYNs look while it lasts and end it. Nothing depends
 * on the daemon, and nothing is believed for longer than a second.
 */
#ifndef SYNKEEPER_QUEUE_BPF_H
#define SYNKEEPER_QUEUE_BPF_H

#include "maps.bpf.h"
#include "report/budget.bpf.h"

/* Looks in 2^26 ns (67 ms): 0.13 % of a CPU at 80 ns each. */
enum { QUEUE_LOOKS = 1000, QUEUE_LOOKS_SHIFT = 26 };

static __always_inline enum queue_level
queue_of(const struct tcp_sock *listener)
{
	const struct sock *sk = (const void *)listener;

	return queue_level(sk->sk_ack_backlog, sk->sk_max_ack_backlog);
}

/* Adds @n to the number of services that are watched; returns what it was. */
static __always_inline __u32 queue_count(__s32 n)
{
	struct queue_seen *all;
	__u32 zero = 0;

	all = bpf_map_lookup_elem(&queues, &zero);
	return all ? __sync_fetch_and_add(&all->count, n) : 0;
}

/* tc: a connection of @service is handed to a listener at this @level. */
static __always_inline void queue_note(struct settings *cfg, __u32 service,
				       enum queue_level level)
{
	struct queue_seen *q;

	if (level < QUEUE_HIGH)
		return;
	q = bpf_map_lookup_elem(&queues, &service);
	if (!q)
		return;
	if (!q->watched && !__sync_val_compare_and_swap(&q->watched, 0, 1))
		queue_count(1);
	/* also if another service's end just took the flag away */
	if (!(cfg->flags & SETTING_QUEUES))
		__sync_fetch_and_or(&cfg->flags, SETTING_QUEUES);
}

/* May an accept queue of @service be full, or have been in the last minute? */
static __always_inline bool queue_is_watched(const struct settings *cfg,
					     __u32 service)
{
	struct queue_seen *q;

	if (!(cfg->flags & SETTING_QUEUES))
		return false;
	q = bpf_map_lookup_elem(&queues, &service);
	return q && q->watched;
}

static __always_inline void queue_end(struct settings *cfg,
				      struct queue_seen *q)
{
	if (__sync_val_compare_and_swap(&q->watched, 1, 0) == 1 &&
	    queue_count(-1) == 1)
		__sync_fetch_and_and(&cfg->flags, ~SETTING_QUEUES);
}

#endif
