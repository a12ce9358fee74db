/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the rows of stats share no entry, and leave none out.
 */
#include <stdlib.h>

#include "testmain.h"

#include "synkeeper/stats_rows.h"

static void every_entry_is_somebodys(void **state)
{
	uint32_t rows, row, service, n;
	bool *used;

	(void)state;
	for (rows = 1; rows <= STATS_ROWS_MAX; rows *= 2) {
		n = 0;
		used = calloc(stats_entries(rows), sizeof(*used));
		for (service = 0; service < SERVICES_MAX; service++)
			for (row = 0; row < stats_rows_of(rows, service);
			     row++) {
				uint32_t at = stats_index(row, service);

				if (at >= stats_entries(rows) || used[at])
					fail_msg("%u rows: row %u, service %u "
						 "is at %u, which is %s",
						 rows, row, service, at,
						 at < stats_entries(rows)
							 ? "another's"
							 : "outside");
				used[at] = true;
				n++;
			}
		free(used);
		assert_int_equal(n, stats_entries(rows));
		assert_int_equal(stats_rows(stats_entries(rows)), rows);
	}
}

/* CPUs of all rows count a service with a high id in the first one. */
static void high_ids(void **state)
{
	(void)state;
	assert_int_equal(stats_index(3, ROW_SERVICES), ROW_SERVICES);
	assert_int_equal(stats_index(3, SERVICES_MAX - 1), SERVICES_MAX - 1);
	assert_int_equal(stats_rows_of(4, ROW_SERVICES), 1);
}

static void no_rows(void **state)
{
	(void)state;
	assert_int_equal(stats_rows(0), 0);
	assert_int_equal(stats_rows(SERVICES_MAX - 1), 0);
	assert_int_equal(stats_rows(SERVICES_MAX + 1), 0);
	assert_int_equal(stats_rows(SERVICES_MAX), 1);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(every_entry_is_somebodys),
	cmocka_unit_test(high_ids),
	cmocka_unit_test(no_rows),
};

TEST_MAIN(tests)
