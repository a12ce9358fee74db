// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: the exact lines that `synkeeper top` shows, and their
 * positions on terminals of many sizes.
 */
#include "toplooks.h"

/* ---- lines ---- */

static void numbers(void **state)
{
	static const struct {
		double n;
		int width;
		const char *text;
	} table[] = {
		{ 0, 9, "0" },
		{ 0.5, 9, "0.5" },
		{ 12.4, 9, "12" },
		{ 1234567, 9, "1,234,567" },
		{ 12345678, 9, "12.3M" },
		{ 123456789, 9, "123M" },
		{ 999999999, 9, "1.0G" },
		{ 12345, 5, "12.3k" },
		{ 999999, 5, "1.0M" },
		{ 1e15, 5, "1.0P" },
	};
	char buf[TOP_LINE_MAX];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		expect("number", table[i].text,
		       top_number(table[i].n, table[i].width, buf));
}

static struct top_history history(size_t n, const double *values)
{
	struct top_history h = {};

	for (; n; n--) {
		h.value[h.next] = *values++;
		h.next = (h.next + 1) % TOP_HISTORY;
		h.n += h.n < TOP_HISTORY;
	}
	return h;
}

static void sparklines(void **state)
{
	static const double up[] = { 0, 1, 2, 3, 4, 5, 6, 7 };
	static const double little[] = { 1000, 1, 0 };
	struct top_history h = history(8, up), none = {};
	char buf[TOP_LINE_MAX];

	(void)state;
	expect("blocks", "▁▂▃▄▅▆▇█", top_sparkline(&h, 60, true, buf));
	expect("signs", "_.:-=+*#", top_sparkline(&h, 60, false, buf));
	expect("the newest", "*#", top_sparkline(&h, 2, false, buf));
	expect("none fit", "", top_sparkline(&h, 0, true, buf));
	expect("none yet", "", top_sparkline(&none, 60, true, buf));
	h = history(3, little);
	expect("little is not nothing", "#._",
	       top_sparkline(&h, 60, false, buf));
	expect("as high as the window", "#_", top_sparkline(&h, 2, false, buf));
}

static void sparkline_of_more_than_a_minute(void **state)
{
	double values[TOP_HISTORY + 5] = {};
	struct top_history h;
	char buf[TOP_LINE_MAX];

	(void)state;
	values[5] = 1; /* the oldest that is kept */
	h = history(TOP_HISTORY + 5, values);
	top_sparkline(&h, 1000, false, buf);
	assert_int_equal(strlen(buf), TOP_HISTORY);
	buf[2] = '\0';
	expect("the oldest", "#_", buf);
}

static void services_at_80_columns(void **state)
{
	char buf[TOP_LINE_MAX];
	struct top t = {};

	(void)state;
	two_looks(&t);
	expect("head",
	       "SERVICE          POLICY  ARMED     >IN/S     SYN/S  ANSWERED "
	       "  DROPPED  SESSIONS",
	       top_service_head(&t, 80, buf));
	expect("row",
	       "192.0.2.1:443 we monitor no           30        30        ~4 "
	       "       ~1         0",
	       top_service_row(&t, 0, 80, buf));
	expect("row",
	       "*:80             on      yes          15        10        10 "
	       "        5        21",
	       top_service_row(&t, 1, 80, buf));
	top_free(&t);
}

static void services_at_60_columns(void **state)
{
	char buf[TOP_LINE_MAX];
	struct top t = {};

	(void)state;
	two_looks(&t);
	top_sort(&t, TOP_SERVICE);
	expect("head",
	       ">SERVICE                 ARMED     SYN/S  ANSWERED   DROPPED",
	       top_service_head(&t, 60, buf));
	expect("row",
	       "192.0.2.1:443 web        no           30        ~4        ~1",
	       top_service_row(&t, 2, 60, buf));
	top_free(&t);
}

static void lines_about_the_daemon(void **state)
{
	char buf[TOP_LINE_MAX];
	struct top t = {};

	(void)state;
	two_looks(&t);
	expect("interfaces", "eth0 native, eth1 skb", top_ifaces(&t, buf));
	expect("health", "(1 of 2) this is wrong", top_health(&t, buf));
	expect("sessions", "21 of 1,000: 20 established, 1 pending",
	       top_sessions(&t, buf));
	top_free(&t);
}

/* ---- places ---- */

static void what_does_not_fit(void **state)
{
	static const struct {
		int lines, cols;
		bool fits;
	} table[] = {
		{ 12, 60, true },   { 11, 60, false }, { 12, 59, false },
		{ 8, 40, false },   { 1, 1, false },   { 24, 80, true },
		{ 200, 500, true },
	};
	struct top_layout l;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		top_layout(table[i].lines, table[i].cols, 1, &l);
		assert_int_equal(l.fits, table[i].fits);
	}
}

/* At any size, parts are in order, do not overlap, and are all inside. */
static void parts_do_not_overlap(void **state)
{
	static const size_t services[] = { 0, 1, 3, 100, 8191 };
	struct top_layout l;
	int lines, cols;
	size_t i;

	(void)state;
	for (lines = TOP_LINES_MIN; lines < 100; lines++) {
		for (i = 0; i < 5; i++) {
			top_layout(lines, 80, services[i], &l);
			assert_true(l.rates_y + 3 <= l.sessions_y);
			assert_true(l.sessions_y + 2 <= l.services_y);
			assert_true(l.services >= 1);
			assert_int_equal(l.keys_y, lines - 1);
			if (!l.lower) {
				assert_true(l.services_y + 1 + l.services <=
					    l.keys_y);
				continue;
			}
			assert_true(l.lower >= 4);
			assert_true(l.services_y + 1 + l.services <= l.lower_y);
			assert_true(l.lower_y + 1 + l.lower <= l.keys_y);
		}
	}
	for (cols = TOP_COLS_MIN; cols < 300; cols++) {
		top_layout(24, cols, 1, &l);
		assert_true(l.spark_x + l.spark <= cols);
		assert_true(l.sources_x > 20 && l.sources_x + 36 <= cols);
	}
}

static void at_80x24(void **state)
{
	struct top_layout l;

	(void)state;
	top_layout(24, 80, 2, &l);
	assert_int_equal(l.services, 2);
	assert_true(l.lower >= 8);
	assert_int_equal(l.spark, TOP_HISTORY);
	top_layout(24, 80, 100, &l);
	assert_true(l.services >= 6);
	assert_int_equal(l.lower, 4);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(numbers),
	cmocka_unit_test(sparklines),
	cmocka_unit_test(sparkline_of_more_than_a_minute),
	cmocka_unit_test(services_at_80_columns),
	cmocka_unit_test(services_at_60_columns),
	cmocka_unit_test(lines_about_the_daemon),
	cmocka_unit_test(what_does_not_fit),
	cmocka_unit_test(parts_do_not_overlap),
	cmocka_unit_test(at_80x24),
};

TEST_MAIN(tests)
