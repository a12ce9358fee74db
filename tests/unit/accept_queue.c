// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: when an accept queue counts as full, and when watching
 * it begins and ends.
 */
#include "testmain.h"

#include "synkeeper/accept_queue.h"

enum { NOW = 100000, SECOND = 60, MINUTE = 3600 };

static void levels(void **state)
{
	static const struct {
		unsigned int waiting, backlog;
		enum queue_level level;
	} rows[] = {
		{ 0, 128, QUEUE_CALM },
		{ 31, 128, QUEUE_CALM },
		{ 32, 128, QUEUE_FAIR },
		{ 63, 128, QUEUE_FAIR },
		{ 64, 128, QUEUE_HIGH },
		{ 128, 128, QUEUE_HIGH },
		{ 129, 128, QUEUE_FULL }, /* one more than the backlog */
		{ 0, 1, QUEUE_CALM },
		{ 1, 1, QUEUE_HIGH },
		{ 2, 1, QUEUE_FULL },
		{ 0, 0, QUEUE_HIGH },
		{ 1, 0, QUEUE_FULL },
		{ 0x7fffffff, 0xffffffff, QUEUE_FAIR },
		{ 0x80000000, 0xffffffff, QUEUE_HIGH },
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		enum queue_level got =
			queue_level(rows[i].waiting, rows[i].backlog);

		if (got != rows[i].level)
			fail_msg("%u of %u: expected level %d, got %d",
				 rows[i].waiting, rows[i].backlog,
				 rows[i].level, got);
	}
}

/* Beyond the budget the last looks decide, and only if they agree. */
static void without_a_look(void **state)
{
	struct queue_seen q = { .watched = 1 };

	(void)state;
	assert_false(queue_was_full(&q, NOW)); /* nothing seen */
	queue_saw(&q, QUEUE_FULL, NOW);
	assert_true(queue_was_full(&q, NOW));
	assert_true(queue_was_full(&q, NOW + SECOND));
	assert_false(queue_was_full(&q, NOW + 2 * SECOND)); /* too long ago */
	queue_saw(&q, QUEUE_HIGH, NOW); /* another listener has room */
	assert_false(queue_was_full(&q, NOW));
	queue_saw(&q, QUEUE_FULL, NOW + 1);
	assert_true(queue_was_full(&q, NOW + 1));
	queue_saw(&q, QUEUE_CALM, NOW + 1);
	assert_false(queue_was_full(&q, NOW + 1));
}

static void when_the_clock_wraps(void **state)
{
	struct queue_seen q = { .watched = 1, .room = -10U };

	(void)state;
	queue_saw(&q, QUEUE_FULL, 3);
	assert_true(queue_was_full(&q, 5));
	assert_false(queue_is_over(&q, QUEUE_CALM, 5));
}

static void end_of_the_watch(void **state)
{
	struct queue_seen q = { .watched = 1 };

	(void)state;
	assert_true(queue_is_over(&q, QUEUE_CALM, NOW)); /* never full */
	assert_false(queue_is_over(&q, QUEUE_FAIR, NOW));
	queue_saw(&q, QUEUE_FULL, NOW);
	assert_false(queue_is_over(&q, QUEUE_CALM, NOW + SECOND));
	assert_false(queue_is_over(&q, QUEUE_HIGH, NOW + 2 * MINUTE));
	assert_true(queue_is_over(&q, QUEUE_CALM, NOW + 2 * MINUTE));
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(levels),
	cmocka_unit_test(without_a_look),
	cmocka_unit_test(when_the_clock_wraps),
	cmocka_unit_test(end_of_the_watch),
};

TEST_MAIN(tests)
