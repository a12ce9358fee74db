/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: when is a listener's accept queue full, and when is that
 * over? The kernel ignores SYNs while more connections wait than the backlog
 * allows (sk_acceptq_is_full() in include/net/sock.h), so a hung server looks
 * dead to a health check. A cookie must not hide that.
 *
 * Asking the kernel costs a socket lookup: too much for each SYN of a flood,
 * and useless while the queue is far from full. So a service is *watched* from
 * the moment at which an admitted connection finds the queue half full. While
 * it is watched, each SYN asks, as far as a budget allows; in a flood the SYNs
 * beyond it go by what was seen last. No listener of a SO_REUSEPORT group, nor
 * another address of the service, must be taken for another: then "full" means
 * that no look since has found room.
 *
 * All times are ticks. The functions are pure: BPF and the tests compile them.
 */
#ifndef SYNKEEPER_ACCEPT_QUEUE_H
#define SYNKEEPER_ACCEPT_QUEUE_H

#include "types.h"

enum queue_level {
	QUEUE_CALM, /* less than a quarter full: may stop watching */
	QUEUE_FAIR,
	QUEUE_HIGH, /* half full: has to be watched */
	QUEUE_FULL,
};

enum {
	QUEUE_LAST_TICKS = 64,	  /* how long a look counts: a second */
	QUEUE_WATCH_TICKS = 3576, /* watched so long after it was full: 60 s */
};

/* What was seen of the accept queues of a service. */
struct queue_seen {
	__u32 watched;
	__u32 full;  /* when one was last found full; 0: never */
	__u32 room;  /* ... when one last had room */
	__u32 count; /* in element 0: services that are watched */
};

static __always_inline enum queue_level queue_level(__u32 waiting,
						    __u32 backlog)
{
	if (waiting > backlog)
		return QUEUE_FULL;
	if (2ULL * waiting >= backlog)
		return QUEUE_HIGH;
	return 4ULL * waiting < backlog ? QUEUE_CALM : QUEUE_FAIR;
}

static __always_inline void queue_saw(struct queue_seen *q,
				      enum queue_level level, __u32 now)
{
	if (level == QUEUE_FULL)
		q->full = now;
	else
		q->room = now;
}

/* Without asking: is it full? Only if the last looks agree. */
static __always_inline bool queue_was_full(const struct queue_seen *q,
					   __u32 now)
{
	return q->full && now - q->full <= QUEUE_LAST_TICKS &&
	       (!q->room || (__s32)(q->full - q->room) > 0);
}

/* Has it been calm for long enough to stop watching? */
static __always_inline bool queue_is_over(const struct queue_seen *q,
					  enum queue_level level, __u32 now)
{
	return level == QUEUE_CALM &&
	       (!q->full || now - q->full > QUEUE_WATCH_TICKS);
}

#endif
