/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: every change of a session's state goes through
 * session_stats_transition(), in the BPF programs as in the daemon. It changes the state by
 * compare-and-swap, and whoever's swap succeeded enters the move in the books
 * of the service, once. So opened = ended + alive holds whether or not anybody
 * reads the events, and the daemon may die.
 */
#ifndef SYNKEEPER_SESSION_STATS_H
#define SYNKEEPER_SESSION_STATS_H

#include "abi.h"

/* A move that was made. */
struct transition {
	union session_word from;
	union session_word to;
	__u64 events; /* as of session_steps() */
};

enum {
	TRANSITION_TRIES = 8
}; /* another CPU touching it is all that can happen */

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

/* Enters a way's change from state @from to @to, and what it tells, in @t. */
static __always_inline void session_stats_record(struct session_totals *t,
						 __u8 from, __u8 to,
						 __u64 evs, __u32 age)
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
 * takes back the flags in @clear. @t are the books of @service. Returns false
 * if @s ended meanwhile or nothing changed. If it moved to FREE the caller
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
			to.flags = 0; /* the next one begins without */
		if (to.state == SESSION_FREE)
			to.word = 0;
		if (to.word == from.word)
			return false;
		if (__sync_val_compare_and_swap(&s->live.word, from.word,
						to.word) != from.word)
			continue;
		session_stats_record(t, from.state, to.state, evs,
				     now - born);
		/* no cookie opened it; what is there were the FINs */
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
 * Two CPUs, or a CPU and the daemon, may enter the same connection at once.
 * Each publishes its entry (in @state, which told @told) and then looks for a
 * twin, so one of them at least sees it, and withdraws its own from table and
 * books. Returns whether the caller is to free the way's tag.
 */
static __always_inline bool session_stats_withdraw(struct session *s,
						   struct session_totals *t,
						   __u8 state, __u64 evs)
{
	union session_word was;

	was.word = __sync_lock_test_and_set(&s->live.word, 0);
	if (session_is_live(was.state))
		evs = 0; /* as if it had never been */
	session_stats_record(t, SESSION_FREE, state, evs, 0);
	if (was.state == SESSION_FREE)
		return false; /* somebody ended it already */
	session_stats_record(t, was.state, SESSION_FREE, 0, 0);
	return true;
}

#endif
