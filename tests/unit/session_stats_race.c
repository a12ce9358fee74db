// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: several threads insert, update, touch, evict and end the
 * sessions of a table of two sets, without locks, as CPUs and the daemon do. In
 * the end stats, entries and tags must agree. A shadow of each way records its
 * owner, which detects two owners at once.
 *
 * The table is so small that the threads collide all the time; what takes years
 * on a server happens here within a second. Its summary is rebuilt and replaced
 * all the time as well: a session that was published before a look at it, and
 * is still there after it, must be in it.
 */
#include <pthread.h>

#include "testmain.h"

#include "random.h"
#include "session/summary.h"
#include "sessionfacts.h"
#include "steps.h"
#include "synkeeper/session_stats.h"
#include "synkeeper/session_summary.h"

enum {
	THREADS = 4,
	SETS = 2,
	WAYS = SETS * SET_WAYS,
	SERVICES = 3,
	ROUNDS = 2000000, /* of a thread, and more until there are as many */
	SUMMARIES = 300,
};

/* Not in the summary yet. */
#define UNPUBLISHED (1ULL << 63)

static struct table {
	struct session_set sets[SETS];
	struct session sessions[WAYS];
	struct session_totals totals[SERVICES];
	uint32_t taken[WAYS]; /* the shadow: 1 from claim to free */
	uint16_t tags[WAYS];  /* the shadow's idea of them */
	/* what is in each way: number << 16 | tag, see UNPUBLISHED; 0: none */
	uint64_t published[WAYS];
	struct settings cfg;
	__u64 summary[2 * SETS];
	uint32_t clock;
	int running;   /* threads */
	int summaries; /* built so far */
	pthread_barrier_t start;
} table;

/* What one thread did, according to return values. */
struct worker {
	pthread_t thread;
	struct random random;
	uint64_t events[SESSION_EVENTS];
	uint32_t clashes; /* ways that had another owner */
	uint32_t missed;  /* sessions that the summary lacked */
	uint32_t looked;  /* at sessions that stayed meanwhile */
	uint64_t steps;
	uint64_t number; /* of the session that it entered last */
};

static void note(struct worker *w, uint64_t events)
{
	for (; events; events >>= 4)
		w->events[events & 15]++;
}

static void own(struct worker *w, uint32_t slot, uint16_t tag)
{
	if (__atomic_exchange_n(&table.taken[slot], 1, __ATOMIC_SEQ_CST))
		w->clashes++;
	table.tags[slot] = tag;
}

static void disown(struct worker *w, uint32_t slot)
{
	table.tags[slot] = 0;
	__atomic_store_n(&table.published[slot], 0, __ATOMIC_SEQ_CST);
	if (!__atomic_exchange_n(&table.taken[slot], 0, __ATOMIC_SEQ_CST))
		w->clashes++;
}

/* Returns whether the caller owns the way now. */
static bool feed(struct worker *w, uint32_t slot, uint32_t inputs,
		 uint8_t clear, struct transition *ret)
{
	struct session *s = &table.sessions[slot];
	uint16_t service = __atomic_load_n(&s->live.service, __ATOMIC_RELAXED);

	if (!session_stats_transition(s, &table.totals[service], service,
				      inputs, clear, table.clock, ret))
		return false;
	note(w, ret->events);
	return ret->to.state == SESSION_FREE;
}

static void enter(struct worker *w)
{
	static const uint32_t inputs[] = { 1U << INPUT_ADMITTED,
					   1U << INPUT_SYN, 1U << INPUT_LINGER,
					   1U << INPUT_SOCKET };
	uint32_t set = random_below(&w->random, SETS);
	uint32_t way, slot, service = random_below(&w->random, SERVICES);
	uint16_t tag = 1 + random_below(&w->random, 65535);
	union session_word live = {};
	struct session *s;
	struct transition m;
	__u64 events, now;

	way = table_claim(&table.sets[set], tag);
	if (way == SET_WAYS) {
		way = random_below(&w->random, SET_WAYS);
		slot = set * SET_WAYS + way;
		if (!feed(w, slot, 1U << INPUT_EVICTED, 0, &m))
			return;
		disown(w, slot);
		table_retag(&table.sets[set], way, tag);
	}
	slot = set * SET_WAYS + way;
	own(w, slot, tag);
	s = &table.sessions[slot];
	s->born = table.clock;
	live.state = session_steps(
		SESSION_FREE, inputs[random_below(&w->random, 4)], &events);
	live.service = service;
	live.seen = table.clock;
	now = ++w->number << 16 | tag;
	__atomic_store_n(&table.published[slot], now | UNPUBLISHED,
			 __ATOMIC_SEQ_CST);
	__sync_lock_test_and_set(&s->live.word, live.word);
	summary_add(&table.cfg, table.summary, set, tag);
	/* unless somebody has ended it already */
	__sync_bool_compare_and_swap(&table.published[slot], now | UNPUBLISHED,
				     now);
	session_stats_record(&table.totals[service], SESSION_FREE, live.state,
			     events, 0);
	note(w, events);
}

/* As a packet of the session in @slot does. */
static void look(struct worker *w, uint32_t slot)
{
	uint64_t was =
		__atomic_load_n(&table.published[slot], __ATOMIC_SEQ_CST);
	uint32_t place =
		__atomic_load_n(&table.cfg.summary.now, __ATOMIC_SEQ_CST);
	uint64_t word = __atomic_load_n(
		&table.summary[summary_index(place, SETS, slot / SET_WAYS)],
		__ATOMIC_SEQ_CST);

	if (!was || was & UNPUBLISHED ||
	    __atomic_load_n(&table.published[slot], __ATOMIC_SEQ_CST) != was)
		return;
	w->looked++;
	w->missed += !summary_has(word, summary_bits(was & 0xffff));
}

/* One of the things that happen to sessions. */
static void step(struct worker *w)
{
	struct random *r = &w->random;
	uint32_t slot = random_below(r, WAYS), inputs;
	union session_word flag = { .flags = SESSION_RST };
	struct transition m;

	switch (random_below(r, 9)) {
	case 0:
	case 1:
		enter(w);
		break;
	case 2: /* another packet of it */
		__atomic_store_n(&table.sessions[slot].live.seen, ++table.clock,
				 __ATOMIC_RELAXED);
		break;
	case 3:
		__sync_fetch_and_or(&table.sessions[slot].live.word, flag.word);
		break;
	case 4:
		look(w, slot);
		break;
	default:
		inputs = 1U << random_below(r, SESSION_INPUTS) |
			 1U << random_below(r, SESSION_INPUTS);
		if (!feed(w, slot, inputs, random_below(r, 2) ? SESSION_RST : 0,
			  &m))
			break;
		disown(w, slot);
		table_retag(&table.sets[slot / SET_WAYS], slot % SET_WAYS, 0);
	}
}

static void *work(void *arg)
{
	struct worker *w = arg;
	uint32_t i;

	pthread_barrier_wait(&table.start);
	for (i = 0; i < ROUNDS || __atomic_load_n(&table.summaries,
						  __ATOMIC_RELAXED) < SUMMARIES;
	     i++) {
		steps_turn(&w->steps);
		step(w);
		steps_turn(&w->steps);
	}
	__sync_fetch_and_sub(&table.running, 1);
	return NULL;
}

/* As the daemon does. */
static void keep_rebuilding(const struct worker *workers)
{
	struct sessions sessions = { .settings = &table.cfg,
				     .tags = table.sets,
				     .summary = table.summary,
				     .sets = SETS };
	struct summary summary = { .sessions = &sessions };
	int i;

	while (__atomic_load_n(&table.running, __ATOMIC_SEQ_CST)) {
		summary_begin(&summary);
		while (!summary_walk(&summary, 1))
			;
		summary_finish(&summary);
		for (i = 0; i < THREADS; i++)
			steps_wait(&workers[i].steps);
		__sync_fetch_and_add(&table.summaries, 1);
	}
}

static uint64_t sum_events(const struct session_totals *t,
			   bool (*counts)(uint8_t event))
{
	uint64_t sum = 0;
	int e;

	for (e = 0; e < SESSION_EVENTS; e++)
		sum += counts(e) ? t->events[e] : 0;
	return sum;
}

static bool opens(uint8_t event)
{
	return session_is_open(event);
}

static bool ends(uint8_t event)
{
	return session_is_end(event);
}

static void same(uint64_t got, uint64_t want, const char *what, int service,
		 const char *of)
{
	if (got != want)
		fail_msg("service %d: %s %s: expected %jd, got %jd", service,
			 what, of, (intmax_t)want, (intmax_t)got);
}

/* The gauges match the table, and opened = ended + alive. */
static void judge_service(int service)
{
	const struct session_totals *t = &table.totals[service];
	uint64_t alive[SESSION_STATES] = {}, live = 0, lasted = 0;
	uint32_t s, i;

	for (i = 0; i < WAYS; i++)
		if (table.sessions[i].live.service == service)
			alive[table.sessions[i].live.state]++;
	for (s = SESSION_FREE + 1; s < SESSION_STATES; s++) {
		same(t->alive[s], alive[s], "alive", service, state_names[s]);
		live += session_is_live(s) ? alive[s] : 0;
	}
	same(sum_events(t, opens), sum_events(t, ends) + live, "opened",
	     service, "= ended + alive");
	for (i = 0; i < DURATIONS; i++)
		lasted += t->durations[i];
	same(lasted, sum_events(t, ends), "durations", service, "= ended");
}

static void judge_ways(void)
{
	uint32_t i;

	for (i = 0; i < WAYS; i++) {
		uint16_t tag =
			table_tag(&table.sets[i / SET_WAYS], i % SET_WAYS);

		if (tag != table.tags[i])
			fail_msg("way %u: expected tag %04x, got %04x", i,
				 table.tags[i], tag);
		if (!tag != (table.sessions[i].live.state == SESSION_FREE))
			fail_msg("way %u: tag %04x, and yet %s", i, tag,
				 state_names[table.sessions[i].live.state]);
	}
}

/* Every event was returned to exactly one thread, and every kind occurred. */
static void judge_events(const struct worker *workers)
{
	uint64_t events, booked;
	int e, i;

	for (e = EV_NONE + 1; e < SESSION_EVENTS; e++) {
		events = booked = 0;
		for (i = 0; i < THREADS; i++)
			events += workers[i].events[e];
		for (i = 0; i < SERVICES; i++)
			booked += table.totals[i].events[e];
		if (events != booked || !events)
			fail_msg("%s: told %ju times, in the stats %ju times",
				 event_names[e], (uintmax_t)events,
				 (uintmax_t)booked);
	}
}

static void judge_worker(const struct worker *w, int thread)
{
	if (w->clashes)
		fail_msg("thread %d: %u ways had two owners", thread,
			 w->clashes);
	if (w->missed || !w->looked)
		fail_msg("thread %d: of %u sessions that it looked for, the "
			 "summary lacked %u",
			 thread, w->looked, w->missed);
}

static void stats_entries_and_tags_agree(void **unused)
{
	struct worker workers[THREADS] = {};
	int i;

	(void)unused;
	table.cfg.set_mask = SETS - 1;
	table.running = THREADS;
	assert_int_equal(pthread_barrier_init(&table.start, NULL, THREADS), 0);
	for (i = 0; i < THREADS; i++) {
		workers[i].random.state = i;
		workers[i].number = (uint64_t)i << 32;
		assert_int_equal(pthread_create(&workers[i].thread, NULL, work,
						&workers[i]),
				 0);
	}
	keep_rebuilding(workers);
	printf("%d summaries, one after the other\n", table.summaries);
	for (i = 0; i < THREADS; i++)
		pthread_join(workers[i].thread, NULL);
	for (i = 0; i < THREADS; i++)
		judge_worker(&workers[i], i);
	judge_ways();
	for (i = 0; i < SERVICES; i++)
		judge_service(i);
	judge_events(workers);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(stats_entries_and_tags_agree),
};

TEST_MAIN(tests)
