// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: the sessions' totals are sums over rows, and begin with
 * those of an earlier instance, whose programs go on counting for a while. Rows
 * are memory here; every word of them holds a number of its own.
 */
#include <stdlib.h>
#include <sys/mman.h>

#include "testmain.h"

#include "maps/totals.h"
#include "synkeeper/stats_rows.h"

enum {
	ROWS = 4,
	FORMER_ROWS = 2,
	WORDS = sizeof(struct session_totals) / sizeof(uint64_t),
};

struct bed {
	struct totals t;
	uint64_t seed;
};

static struct session_totals *make_rows(uint32_t rows)
{
	void *at = mmap(
		NULL, stats_entries(rows) * sizeof(struct session_totals),
		PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED)
		fail_msg("out of memory");
	return at;
}

static void set_up(struct bed *b, bool former)
{
	*b = (struct bed){ .t.rows = ROWS, .t.of = make_rows(ROWS) };
	if (!former)
		return;
	b->t.former_rows = FORMER_ROWS;
	b->t.former = make_rows(FORMER_ROWS); /* totals_settle() unmaps it */
	b->t.followed = calloc(SERVICES_MAX, sizeof(*b->t.followed));
	assert_non_null(b->t.followed);
}

static void tear_down(struct bed *b)
{
	munmap(b->t.of, stats_entries(ROWS) * sizeof(struct session_totals));
}

/* The words that a session is counted in, which may be fewer than there are. */
static bool is_counted(int word)
{
	return word < SESSION_EVENTS ||
	       (word >= 16 && word < 16 + SESSION_STATES) || word >= 32;
}

/* Counts for @id in @row of @rows, and in @sum. */
static void count(struct bed *b, struct session_totals *rows, uint32_t row,
		  uint32_t id, struct session_totals *sum)
{
	uint64_t *to = (uint64_t *)&rows[stats_index(row, id)];
	uint64_t *also = (uint64_t *)sum;
	int i;

	for (i = 0; i < WORDS; i++) {
		if (!is_counted(i))
			continue;
		to[i] += ++b->seed;
		also[i] += b->seed;
	}
}

static void expect(const struct bed *b, uint16_t id,
		   const struct session_totals *want, const char *what)
{
	struct session_totals got;
	int i;

	totals_read(&b->t, id, &got);
	for (i = 0; i < WORDS; i++)
		if (((uint64_t *)&got)[i] != ((uint64_t *)want)[i])
			fail_msg("%s: word %d of the totals of service %u: "
				 "expected %ju, got %ju",
				 what, i, id,
				 (uintmax_t)((const uint64_t *)want)[i],
				 (uintmax_t)((uint64_t *)&got)[i]);
}

static void rows_are_summed(void **state)
{
	struct session_totals five = {}, last = {}, all = {};
	struct bed b;
	uint32_t row;

	(void)state;
	set_up(&b, false);
	for (row = 0; row < ROWS; row++)
		count(&b, b.t.of, row, 5, &five);
	count(&b, b.t.of, 3, SERVICES_MAX - 1, &last);
	totals_use(&b.t, 5);
	expect(&b, 5, &five, "four rows");
	expect(&b, 0, &five, "all, one is used");
	totals_use(&b.t, SERVICES_MAX - 1);
	totals_use(&b.t, 6);
	expect(&b, SERVICES_MAX - 1, &last, "one row");
	for (row = 0; row < WORDS; row++)
		((uint64_t *)&all)[row] =
			((uint64_t *)&five)[row] + ((uint64_t *)&last)[row];
	expect(&b, 0, &all, "all, the highest is used");
	tear_down(&b);
}

/* A session that began on one CPU and ends on another. */
static void gauge_of_a_row_is_negative(void **state)
{
	struct session_totals got;
	struct bed b;

	(void)state;
	set_up(&b, false);
	b.t.of[1].alive[SESSION_PENDING] = 3;
	b.t.of[stats_index(2, 1)].alive[SESSION_PENDING] = -2ULL;
	totals_read(&b.t, 1, &got);
	assert_int_equal(got.alive[SESSION_PENDING], 1);
	b.t.of[1].alive[SESSION_PENDING] = 1;
	totals_read(&b.t, 1, &got);
	assert_int_equal(got.alive[SESSION_PENDING], 0);
	tear_down(&b);
}

/* What both count, before, while and after the former is followed. */
static void former_rows_are_counted_once(void **state)
{
	struct session_totals want = {};
	struct bed b;

	(void)state;
	set_up(&b, true);
	count(&b, b.t.former, 0, 7, &want);
	count(&b, b.t.former, 1, 7, &want);
	totals_follow(&b.t);
	expect(&b, 7, &want, "begun with the former rows");
	expect(&b, 0, &want, "all, begun with the former rows");
	totals_follow(&b.t);
	expect(&b, 7, &want, "followed again, nothing new");
	count(&b, b.t.of, 0, 7, &want);
	count(&b, b.t.of, 2, 7, &want);
	expect(&b, 7, &want, "counted here");
	count(&b, b.t.former, 1, 7, &want);
	totals_settle(&b.t);
	expect(&b, 7, &want, "counted there to the end");
	assert_null(b.t.former);
	totals_settle(&b.t);
	expect(&b, 7, &want, "settled again");
	count(&b, b.t.of, 1, 7, &want);
	expect(&b, 7, &want, "counted here only");
	tear_down(&b);
}

/* Sessions that were alive at first end before the former rows are settled. */
static void former_gauge_falls(void **state)
{
	struct session_totals got;
	struct bed b;

	(void)state;
	set_up(&b, true);
	b.t.former[9].alive[SESSION_ESTABLISHED] = 5;
	totals_follow(&b.t);
	b.t.of[stats_index(1, 9)].alive[SESSION_ESTABLISHED] = 1;
	b.t.former[9].alive[SESSION_ESTABLISHED] = 2;
	totals_settle(&b.t);
	totals_read(&b.t, 9, &got);
	assert_int_equal(got.alive[SESSION_ESTABLISHED], 3);
	tear_down(&b);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(rows_are_summed),
	cmocka_unit_test(gauge_of_a_row_is_negative),
	cmocka_unit_test(former_rows_are_counted_once),
	cmocka_unit_test(former_gauge_falls),
};

TEST_MAIN(tests)
