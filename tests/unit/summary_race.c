// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: threads insert sessions into one table and end them, as
 * CPUs do, with room, in a full table, where they take the way of another
 * session, and in one of 16 million ways, while summaries of it are built one
 * after another, as the daemon does. After each step a thread looks for a
 * session of its own: if the summary in use lacks it, a good packet would have
 * been taken for a stranger's. In the end, a summary must have the bits of its
 * tags and no others. A half is cleared only after each thread has finished the
 * step in which it may have read it (steps.h).
 */
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include "testmain.h"

#include "random.h"
#include "session/summary.h"
#include "steps.h"
#include "synkeeper/session_summary.h"

enum {
	THREADS = 3,
	OWN = 3000, /* sessions of a thread */
};

static struct bed {
	struct settings cfg;
	struct session_set *tags;
	__u64 *words; /* 2 of each set */
	struct sessions sessions;
	bool stop;
	pthread_barrier_t start;
} bed;

struct own {
	uint32_t slot;
	uint16_t tag; /* 0: none */
};

struct worker {
	pthread_t thread;
	struct random random;
	struct own own[OWN];
	uint64_t steps;
	uint64_t missed; /* looked for and not found */
};

/* In the set of one that it evicts, a way of which is the caller's now. */
static void insert_into_full(struct worker *w, struct own *o, uint16_t tag)
{
	struct own *victim = &w->own[random_below(&w->random, OWN)];
	uint32_t set = victim->slot / SET_WAYS;

	if (!victim->tag)
		return;
	table_retag(&bed.tags[set], victim->slot % SET_WAYS, tag);
	*o = (struct own){ victim->slot, tag };
	victim->tag = 0;
	summary_add(&bed.cfg, bed.words, set, tag);
}

static void insert(struct worker *w, struct own *o)
{
	uint32_t set = random_below(&w->random, bed.sessions.sets), way;
	uint16_t tag = 1 + random_below(&w->random, 65535);

	way = table_claim(&bed.tags[set], tag);
	if (way == SET_WAYS) {
		insert_into_full(w, o, tag);
		return;
	}
	*o = (struct own){ set * SET_WAYS + way, tag };
	summary_add(&bed.cfg, bed.words, set, tag);
}

static void end(struct own *o)
{
	table_retag(&bed.tags[o->slot / SET_WAYS], o->slot % SET_WAYS, 0);
	o->tag = 0;
}

static bool is_summarized(const struct own *o)
{
	uint32_t place =
		__atomic_load_n(&bed.cfg.summary.now, __ATOMIC_ACQUIRE);
	uint32_t i =
		summary_index(place, bed.sessions.sets, o->slot / SET_WAYS);
	uint64_t word = __atomic_load_n(&bed.words[i], __ATOMIC_RELAXED);

	return summary_has(word, summary_bits(o->tag));
}

/* @room: how many of its own a thread uses, so that the sizes change. */
static void step(struct worker *w, uint32_t room)
{
	struct own *o = &w->own[random_below(&w->random, room)];

	if (!o->tag)
		insert(w, o);
	else if (random_below(&w->random, 2))
		end(o);
	o = &w->own[random_below(&w->random, OWN)];
	if (o->tag && !is_summarized(o))
		w->missed++;
	if (o->tag && o - w->own >= room)
		end(o);
}

static void *work(void *arg)
{
	struct worker *w = arg;
	uint64_t n;

	pthread_barrier_wait(&bed.start);
	for (n = 0; !__atomic_load_n(&bed.stop, __ATOMIC_RELAXED); n++) {
		steps_turn(&w->steps);
		step(w, n >> 16 & 1 ? OWN / 10 : OWN);
		steps_turn(&w->steps);
	}
	return NULL;
}

static void build(struct summary *s, struct random *r)
{
	summary_begin(s);
	while (!summary_walk(s, 1 + random_below(r, s->sessions->sets)))
		if (!random_below(r, 2))
			sched_yield();
	summary_finish(s);
}

/* Bits of the summary in use that no tag has, or the other way round. */
static void judge(void)
{
	uint32_t sets = bed.sessions.sets, set, i;
	uint32_t words = (bed.cfg.summary.now & (sets - 1)) + 1;
	uint64_t *want = calloc(words, sizeof(*want));

	assert_non_null(want);
	for (set = 0; set < sets; set++)
		want[set & (words - 1)] |= summary_of_set(&bed.tags[set]);
	for (i = 0; i < words; i++) {
		uint32_t at = summary_index(bed.cfg.summary.now, sets, i);

		if (bed.words[at] != want[i])
			fail_msg("word %u of %u: expected %016jx, got %016jx",
				 i, words, (uintmax_t)want[i],
				 (uintmax_t)bed.words[at]);
	}
	free(want);
	printf("the last summary has %u words\n", words);
}

/* @ways of each set are taken, for good, before anything else happens. */
static void set_up(uint32_t sets, uint32_t ways, struct random *r)
{
	uint32_t i;

	bed = (struct bed){ .cfg.set_mask = sets - 1 };
	bed.tags = calloc(sets, sizeof(*bed.tags));
	bed.words = calloc(2UL * sets, sizeof(*bed.words));
	if (!bed.tags || !bed.words)
		fail_msg("out of memory");
	bed.sessions = (struct sessions){ .settings = &bed.cfg,
					  .tags = bed.tags,
					  .summary = bed.words,
					  .sets = sets };
	for (i = 0; i < sets * ways; i++)
		table_claim(&bed.tags[i / ways], 1 + random_below(r, 65535));
	assert_int_equal(pthread_barrier_init(&bed.start, NULL, THREADS + 1),
			 0);
}

static void tear_down(const struct worker *workers)
{
	int i;

	for (i = 0; i < THREADS; i++)
		if (workers[i].missed)
			fail_msg("thread %d: %ju sessions were missing in the "
				 "summary in use",
				 i, (uintmax_t)workers[i].missed);
	judge();
	free(bed.tags);
	free(bed.words);
}

static void no_session_is_missed(uint32_t sets, uint32_t ways, int rounds)
{
	struct worker *workers = calloc(THREADS, sizeof(*workers));
	struct summary summary = { .sessions = &bed.sessions };
	struct random r = { 7 };
	int i, t;

	assert_non_null(workers);
	set_up(sets, ways, &r);
	build(&summary, &r);
	for (t = 0; t < THREADS; t++) {
		workers[t].random.state = t;
		assert_int_equal(pthread_create(&workers[t].thread, NULL, work,
						&workers[t]),
				 0);
	}
	pthread_barrier_wait(&bed.start);
	for (i = 0; i < rounds; i++) {
		build(&summary, &r);
		for (t = 0; t < THREADS; t++)
			steps_wait(&workers[t].steps);
	}
	__atomic_store_n(&bed.stop, true, __ATOMIC_RELAXED);
	for (t = 0; t < THREADS; t++)
		pthread_join(workers[t].thread, NULL);
	build(&summary, &r);
	tear_down(workers);
	free(workers);
}

static void with_room(void **state)
{
	(void)state;
	no_session_is_missed(2048, 0, 60);
}

/* The threads want ten times as many as there are ways. */
static void in_a_full_table(void **state)
{
	(void)state;
	no_session_is_missed(64, 0, 60);
}

/* Half full, so that the summary has all of its words. */
static void of_16_million(void **state)
{
	(void)state;
	no_session_is_missed(1 << 20, 8, 5);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(with_room),
	cmocka_unit_test(in_a_full_table),
	cmocka_unit_test(of_16_million),
};

TEST_MAIN(tests)
