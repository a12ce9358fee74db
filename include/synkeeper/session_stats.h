/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: every change of a session's state, in the BPF programs
 * and in the daemon, goes through session_stats_transition(). It changes the
 * state by compare-and-swap, and whoever's swap succeeds updates the service's
 * session stats, once. So opened = ended + alive holds even if nobody reads the
 * events and the daemon dies.
 */
#ifndef SYNKEEPER_SESSION_STATS_H
#define SYNKEEPER_SESSION_STATS_H

#include "abi.h"

/* A transition that was made. */
struct transition {
	union session_word from;
	union session_word to;
	__u64 events; /* as from session_steps() */
};

enum {
	TRANSITION_TRIES = 8
}; /* a try fails only if another CPU changed the word */

static __always_inline __u32 duration_bucket(__u32 ticks)
{
	__u64 ms = ticks_to_ms(ticks);
	__u32 n = 0;

#define X(bound) n += ms > (bound);
	SYNKEEPER_DURATIONS(X)
#undef X
	return n;
}

static __always_inline void session_stats_event(struct session_totals *t,
						__u8 event, __u32 age)
{
	__sync_fetch_and_add(&t->events[event & 15], 1);
	if (!session_is_end(event))
		return;
	__sync_fetch_and_add(&t->durations[duration_bucket(age)], 1);
	__sync_fetch_and_add(&t->duration_ticks, age);
}

/* Records a transition from @from to @to, with events @evs, in @t. */
static __always_inline void session_stats_record(struct session_totals *t,
						 __u8 from, __u8 to, __u64 evs,
						 __u32 age)
{
	int i;

	if (from != to && from != SESSION_FREE)
		__sync_fetch_and_sub(&t->alive[from & 15], 1);
	if (from != to && to != SESSION_FREE)
		__sync_fetch_and_add(&t->alive[to & 15], 1);
	for (i = 0; i < SESSION_EVENTS && evs; i++, evs >>= 4)
		session_stats_event(t, evs & 15, age);
}

/*
 * Feeds @inputs, a mask of 1 << enum session_input, to @s, in their order, and
 * clears the flags in @clear. @t: the stats of @service. Returns false if
 * nothing changed or @s has ended meanwhile. If @s became FREE, the caller
 * frees the way's tag.
 */
static __always_inline bool
session_stats_transition(struct session *s, struct session_totals *t,
			 __u16 service, __u32 inputs, __u8 clear, __u32 now,
			 struct transition *ret)
{
	union session_word from, to;
	__u32 born = s->born;
	__u64 evs;
	int tries;

	for (tries = 0; tries < TRANSITION_TRIES; tries++) {
		from.word = *(volatile __u64 *)&s->live.word;
		if (from.state == SESSION_FREE || from.service != service)
			return false;
		to.word = from.word;
		to.state = session_steps(from.state, inputs, &evs);
		to.flags &= ~clear;
		if (to.state != from.state && !session_is_live(to.state))
			to.flags = 0; /* a new session starts without */
		if (to.state == SESSION_FREE)
			to.word = 0;
		if (to.word == from.word)
			return false;
		if (__sync_val_compare_and_swap(&s->live.word, from.word,
						to.word) != from.word)
			continue;
		session_stats_record(t, from.state, to.state, evs, now - born);
		/* not opened by a cookie: the union holds stale FINs */
		if (to.state == SESSION_OPENING &&
		    from.state != SESSION_OPENING)
			s->client_isn = s->server_isn = 0;
		ret->from = from;
		ret->to = to;
		ret->events = evs;
		return true;
	}
	return false;
}

/*
 * Two CPUs, or a CPU and the daemon, may insert the same connection at once.
 * Each publishes its entry (in @state, with events @evs) and then looks for a
 * duplicate, so at least one of them sees it, and withdraws its own entry from
 * table and stats. Returns whether the caller has to free the way's tag.
 */
static __always_inline bool session_stats_withdraw(struct session *s,
						   struct session_totals *t,
						   __u8 state, __u64 evs)
{
	union session_word was;

	was.word = __sync_lock_test_and_set(&s->live.word, 0);
	if (session_is_live(was.state))
		evs = 0; /* as if it had never been opened */
	session_stats_record(t, SESSION_FREE, state, evs, 0);
	if (was.state == SESSION_FREE)
		return false; /* ended by somebody else */
	session_stats_record(t, was.state, SESSION_FREE, 0, 0);
	return true;
}

#endif
