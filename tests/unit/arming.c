// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: the decision to arm, for curves of SYNs per second as
 * recorded on real services: a quiet day, a busy one with a launch, a scan,
 * floods that rise at once, slowly or in pulses; and for queues. Each curve is
 * sampled every 100 ms; compared is when the service arms and disarms.
 */
#include "testmain.h"

#include <stdio.h>

#include "service/arming.h"

enum { CURVE_MAX = 40, NEVER = -1 };

static const struct arming_limits limits = { .syn_rate = 1000,
					     .queue = 50,
					     .calm_ms = 10000 };

struct span {
	unsigned int seconds, rate; /* SYNs a second, evenly */
};

struct curve {
	const char *what;
	struct span spans[CURVE_MAX];
	int arms_ms, disarms_ms; /* the first time; NEVER */
	unsigned int changes;
};

static const struct curve curves[] = {
	{ "a quiet night", { { 60, 3 } }, NEVER, NEVER, 0 },
	{ "a busy shop",
	  { { 20, 400 }, { 10, 650 }, { 20, 380 } },
	  NEVER,
	  NEVER,
	  0 },
	{ "just below the threshold", { { 60, 990 } }, NEVER, NEVER, 0 },
	{ "a launch: a crowd of good clients arms it, too",
	  { { 5, 100 }, { 3, 2500 }, { 30, 300 } },
	  5400,
	  18900,
	  2 },
	{ "a flood that begins at once, and ends",
	  { { 10, 50 }, { 20, 900000 }, { 30, 50 } },
	  10100,
	  40900,
	  2 },
	{ "a flood that rises slowly",
	  { { 5, 200 }, { 5, 500 }, { 5, 800 }, { 5, 1200 }, { 5, 5000 } },
	  15500,
	  NEVER,
	  1 },
	{ "pulses of 2 s, 8 s apart: armed throughout",
	  { { 5, 20 },
	    { 2, 50000 },
	    { 8, 20 },
	    { 2, 50000 },
	    { 8, 20 },
	    { 2, 50000 },
	    { 30, 20 } },
	  5100,
	  37900,
	  2 },
	{ "around the threshold: no flapping",
	  { { 3, 1000 },
	    { 3, 900 },
	    { 3, 1000 },
	    { 3, 700 },
	    { 3, 1000 },
	    { 9, 600 },
	    { 9, 1000 } },
	  1000,
	  NEVER,
	  1 },
	{ "between half and the whole: stays armed",
	  { { 2, 3000 }, { 60, 600 } },
	  400,
	  NEVER,
	  1 },
	{ "a port scan", { { 10, 5 }, { 1, 60 }, { 10, 5 } }, NEVER, NEVER, 0 },
};

static void play(const struct curve *c)
{
	struct arming_look look = { .clock_ns = 1000000000, .backlog = 128 };
	int ms = 0, arms = NEVER, disarms = NEVER;
	unsigned int changes = 0, tick = 0, i;
	const struct span *s;
	struct arming a;
	bool was = false;

	arming_begin(&a, false);
	arming_step(&a, &limits, &look);
	for (s = c->spans; s->seconds; s++) {
		for (i = 0; i < s->seconds * ARMING_LOOKS; i++, tick++) {
			bool is;

			ms += ARMING_LOOK_MS;
			look.clock_ns += ARMING_LOOK_MS * 1000000ULL;
			/* evenly, though a tenth is no whole number */
			look.syns += s->rate * (i + 1) / ARMING_LOOKS -
				     s->rate * i / ARMING_LOOKS;
			is = arming_step(&a, &limits, &look);
			if (is == was)
				continue;
			changes++;
			if (is && arms == NEVER)
				arms = ms;
			if (!is && disarms == NEVER)
				disarms = ms;
			was = is;
		}
	}
	if (arms != c->arms_ms || disarms != c->disarms_ms ||
	    changes != c->changes)
		fail_msg("%s: expected armed at %d ms, disarmed at %d, %u "
			 "changes; got %d, %d, %u",
			 c->what, c->arms_ms, c->disarms_ms, c->changes, arms,
			 disarms, changes);
}

static void test_curves(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(curves) / sizeof(curves[0]); i++)
		play(&curves[i]);
}

static bool look_at(struct arming *a, struct arming_look *look,
		    unsigned int after_ms)
{
	look->clock_ns += after_ms * 1000000ULL;
	return arming_step(a, &limits, look);
}

static void test_queue(void **state)
{
	struct arming_look look = { .clock_ns = 1, .backlog = 128 };
	struct arming a;

	(void)state;
	arming_begin(&a, false);
	look.queue = 63;
	assert_false(look_at(&a, &look, 100));
	look.queue = 64;
	assert_true(look_at(&a, &look, 100));
	assert_int_equal(a.cause, ARMING_QUEUE);
	look.queue = 32; /* half of the threshold is not calm */
	assert_true(look_at(&a, &look, 20000));
	look.queue = 31;
	assert_true(look_at(&a, &look, 9900));
	assert_false(look_at(&a, &look, 100));
}

/* An overflow has no service: it is attributed to those that receive SYNs. */
static void test_overflow(void **state)
{
	struct arming_look look = { .clock_ns = 1, .backlog = 128 };
	struct arming a;

	(void)state;
	arming_begin(&a, false);
	assert_false(look_at(&a, &look, 100));
	look.overflows = 5;
	assert_false(look_at(&a, &look, 100));
	look.syns = 1;
	look.overflows = 6;
	assert_true(look_at(&a, &look, 100));
	assert_int_equal(a.cause, ARMING_OVERFLOW);
}

static void test_nobody_listens(void **state)
{
	struct arming_look look = { .clock_ns = 1, .queue = 5 };
	struct arming a;

	(void)state;
	arming_begin(&a, false);
	assert_false(look_at(&a, &look, 100));
	assert_false(look_at(&a, &look, 100));
}

/* A restart during a flood: armed, and calm only after a while. */
static void test_begins_armed(void **state)
{
	struct arming_look look = { .clock_ns = 1, .syns = 1ULL << 40 };
	struct arming a;

	(void)state;
	arming_begin(&a, true);
	assert_true(look_at(&a, &look, 100));
	assert_true(look_at(&a, &look, 9800));
	assert_false(look_at(&a, &look, 200));
}

/*
 * Looks that the data path asked for, between the regular ones: they see a
 * flood at once, and do not shorten the second that SYNs are counted over.
 */
static void test_early_looks(void **state)
{
	struct arming_look look = { .clock_ns = 1, .backlog = 128 };
	struct arming a;
	int i;

	(void)state;
	arming_begin(&a, false);
	assert_false(look_at(&a, &look, 100));
	for (i = 0; i < 100; i++) { /* 990 a second */
		look.syns += i % 10 ? 10 : 9;
		assert_false(look_at(&a, &look, 10));
	}
	assert_int_equal(a.rate, 990);
	look.syns += 900;
	assert_true(look_at(&a, &look, 1));
	assert_int_equal(a.cause, ARMING_RATE);
}

/* Counters restart at zero with a new service. */
static void test_counters_fall(void **state)
{
	struct arming_look look = { .clock_ns = 1, .syns = 1000000 };
	struct arming a;

	(void)state;
	arming_begin(&a, false);
	assert_false(look_at(&a, &look, 100));
	look.syns = 3;
	assert_false(look_at(&a, &look, 100));
	look.syns = 1003;
	assert_true(look_at(&a, &look, 100));
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_curves),
	cmocka_unit_test(test_queue),
	cmocka_unit_test(test_overflow),
	cmocka_unit_test(test_nobody_listens),
	cmocka_unit_test(test_begins_armed),
	cmocka_unit_test(test_early_looks),
	cmocka_unit_test(test_counters_fall),
};

TEST_MAIN(tests)
