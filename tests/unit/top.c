// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: what `synkeeper top` makes of the daemon's answers, and
 * the exact lines and places that come of it; no terminal is needed.
 */
#include "testmain.h"

#include "print.h"
#include "top_model.h"

static void expect(const char *what, const char *expected, const char *got)
{
	if (strcmp(expected, got))
		fail_msg("%s: expected \"%s\", got \"%s\"", what, expected,
			 got);
}

/* ' stands for " */
static json_t *json(const char *text)
{
	char copy[4096], *c;
	json_t *value;

	snprintf(copy, sizeof(copy), "%s", text);
	for (c = copy; *c; c++)
		if (*c == '\'')
			*c = '"';
	value = json_loads(copy, 0, NULL);
	assert_non_null(value);
	return value;
}

#define STATUS                                                          \
	"{'version':'1','interfaces':[{'name':'eth0','mode':'native'}," \
	"{'name':'eth1','mode':'skb'}],'services':["                    \
	"{'listen':'*:80','name':'','policy':'on','armed':true},"       \
	"{'listen':'192.0.2.1:443','name':'web','policy':'monitor',"    \
	"'armed':false},"                                               \
	"{'listen':'*:22','name':'','policy':'off','armed':false}],"    \
	"'sessions':{'max':1000,'pending':1,'established':20},"         \
	"'health':['this is wrong','that, too']}"

/* Answers as of second 10 and, two seconds later, what grew. */
static void two_looks(struct top *t)
{
	assert_int_equal(
		top_update(t, json(STATUS),
			   json("{'services':[{'listen':'*:80','packets':{"
				"'answered':100}},{'listen':'-','packets':{"
				"'no_service':5}}],'total':{'answered':100,"
				"'no_service':5}}"),
			   json("{'services':[],'total':{'opened':7,'ended':{"
				"'closed':3}}}"),
			   10),
		0);
	assert_int_equal(
		top_update(t, json(STATUS),
			   json("{'services':[{'listen':'*:80','packets':{"
				"'answered':120,'bad_cookie':10,'refused':4}},"
				"{'listen':'-','packets':{'no_service':7}},"
				"{'listen':'192.0.2.1:443','packets':{"
				"'disarmed_syn':60}}],'total':{'answered':120,"
				"'bad_cookie':10,'refused':4,'no_service':7,"
				"'disarmed_syn':60}}"),
			   json("{'services':[{'listen':'*:80','alive':{"
				"'pending':1,'established':20}}],'total':{"
				"'opened':10,'ended':{'closed':3,'reset':1}}}"),
			   12),
		0);
}

static const struct top_service *service(const struct top *t,
					 const char *listen)
{
	size_t i;

	for (i = 0; i < t->n_services; i++)
		if (!strcmp(t->services[i].listen, listen))
			return &t->services[i];
	fail_msg("no service %s", listen);
	return NULL;
}

/* ---- rates ---- */

/* What is counted beside a verdict ("refused") did not come in twice. */
static void rates_of_two_looks(void **state)
{
	static const double all[TOP_RATES] = { 46, 40, 10, 5 };
	const struct top_service *s;
	struct top t = {};
	size_t i;

	(void)state;
	two_looks(&t);
	for (i = 0; i < TOP_RATES; i++) {
		assert_int_equal(t.history[i].n, 1);
		assert_float_equal(t.history[i].value[0], all[i], 0.001);
	}
	s = service(&t, "*:80");
	assert_float_equal(s->rate[TOP_IN], 15, 0.001);
	assert_float_equal(s->rate[TOP_SYN], 10, 0.001);
	assert_float_equal(s->rate[TOP_ANSWERED], 10, 0.001);
	assert_float_equal(s->rate[TOP_DROPPED], 5, 0.001);
	assert_float_equal(s->sessions, 21, 0);
	s = service(&t, "192.0.2.1:443");
	assert_float_equal(s->rate[TOP_SYN], 30, 0.001);
	assert_float_equal(s->rate[TOP_ANSWERED], 0, 0);
	assert_float_equal(t.opened, 1.5, 0.001);
	assert_float_equal(t.ended, 0.5, 0.001);
	top_free(&t);
}

static void one_look_has_services_but_no_rates(void **state)
{
	struct top t = {};

	(void)state;
	assert_int_equal(
		top_update(&t, json(STATUS), json("{}"), json("{}"), 1), 0);
	assert_int_equal(t.n_services, 3);
	assert_int_equal(t.history[TOP_IN].n, 0);
	assert_int_equal(t.n_reasons, 0);
	top_free(&t);
}

/* After a gap the next answers only begin anew; the history stays. */
static void a_gap_is_no_rate(void **state)
{
	struct top t = {};

	(void)state;
	two_looks(&t);
	top_gap(&t);
	assert_int_equal(
		top_update(&t, json(STATUS),
			   json("{'services':[],'total':{'answered':900}}"),
			   json("{'total':{'opened':99}}"), 60),
		0);
	assert_int_equal(t.history[TOP_IN].n, 1);
	top_free(&t);
}

static void answers_that_lack_everything(void **state)
{
	char buf[TOP_LINE_MAX];
	struct top t = {};
	int i;

	(void)state;
	for (i = 1; i <= 2; i++)
		assert_int_equal(
			top_update(&t, json("{'services':[{},{'listen':1}]}"),
				   json("{}"), json("{}"), i),
			0);
	expect("row",
	       "                         no            0         0         0 "
	       "        0         0",
	       top_service_row(&t, 0, 80, buf));
	top_free(&t);
}

static void reasons_are_in_order_of_rate(void **state)
{
	static const char *const names[] = { "disarmed_syn", "answered",
					     "bad_cookie", "refused",
					     "no_service" };
	char buf[TOP_LINE_MAX];
	struct top t = {};
	size_t i;

	(void)state;
	two_looks(&t);
	assert_int_equal(t.n_reasons, 5);
	for (i = 0; i < 5; i++)
		expect("reason", names[i], t.reason[i].name);
	assert_int_equal(t.reason[1].action, REASON_TX);
	assert_int_equal(t.reason[2].action, REASON_DROP);
	expect("row", "disarmed_syn                30",
	       top_reason_row(&t, 0, 30, buf));
	expect("row", "disar        30", top_reason_row(&t, 0, 15, buf));
	top_free(&t);
}

/* ---- order ---- */

static void orders(void **state)
{
	static const struct {
		enum top_order order;
		const char *first, *last;
	} table[] = {
		{ TOP_IN, "192.0.2.1:443", "*:22" },
		{ TOP_SYN, "192.0.2.1:443", "*:22" },
		{ TOP_ANSWERED, "*:80", "192.0.2.1:443" },
		{ TOP_DROPPED, "*:80", "192.0.2.1:443" },
		{ TOP_SESSIONS, "*:80", "192.0.2.1:443" },
		{ TOP_SERVICE, "*:22", "192.0.2.1:443" },
	};
	struct top t = {};
	size_t i;

	(void)state;
	two_looks(&t);
	expect("the busiest", "192.0.2.1:443", t.services[0].listen);
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		top_sort(&t, table[i].order);
		expect("first", table[i].first, t.services[0].listen);
		expect("last", table[i].last, t.services[2].listen);
	}
	top_free(&t);
}

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
	       "192.0.2.1:443 we monitor no           30        30         0 "
	       "        0         0",
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
	       "192.0.2.1:443 web        no           30         0         0",
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

/* ---- sources ---- */

static void add(struct top_sources *s, int n, const char *client)
{
	while (n--)
		top_sources_add(s, client);
}

static void sources_by_share(void **state)
{
	char buf[TOP_LINE_MAX];
	struct top t = {};

	(void)state;
	two_looks(&t);
	expect("none", "nothing dropped", top_no_source(&t));
	add(&t.sources, 20, "192.0.2.1:1");
	add(&t.sources, 59, "[2001:db8::1]:40000");
	add(&t.sources, 19, "192.0.2.1:2");
	add(&t.sources, 2, "192.0.2.3:1"); /* may be chance */
	assert_int_equal(top_sources_rank(&t.sources), 2);
	expect("row", "2001:db8::1           59 %         3",
	       top_source_row(&t, 0, 36, buf));
	expect("row", "192.0.2.1             39 %         2",
	       top_source_row(&t, 1, 36, buf));
	top_free(&t);
}

/* Of many addresses with one packet each nobody is accused. */
static void random_sources_do_not_stand_out(void **state)
{
	struct top t = {};
	char client[32];
	unsigned int i;

	(void)state;
	for (i = 0; i < 20000; i++) {
		snprintf(client, sizeof(client), "10.%u.%u.%u:1", i >> 16,
			 i >> 8 & 255, i & 255);
		top_sources_add(&t.sources, client);
		if (i % 10 == 0)
			top_sources_add(&t.sources, "192.0.2.1:1");
	}
	assert_int_equal(t.sources.n, TOP_SOURCES_MAX);
	assert_int_equal(top_sources_rank(&t.sources), 1);
	expect("the one that does", "192.0.2.1", t.sources.entry[0].addr);
	assert_float_equal(top_sources_share(&t.sources, t.sources.entry),
			   1 / 11.0, 0.001);
	expect("none", "none stands out", top_no_source(&t));
}

static void sources_fade(void **state)
{
	struct top_sources s = {};

	(void)state;
	add(&s, 100, "192.0.2.1:1");
	top_sources_fade(&s, TOP_SOURCES_FADE_S);
	assert_float_equal(s.entry[0].count, 50, 0.001);
	assert_float_equal(s.total, 50, 0.001);
	add(&s, 50, "192.0.2.2:1");
	assert_int_equal(top_sources_rank(&s), 2);
	assert_float_equal(top_sources_share(&s, &s.entry[0]), 0.5, 0.001);
	top_sources_fade(&s, 30 * TOP_SOURCES_FADE_S);
	assert_int_equal(s.n, 0);
	assert_float_equal(s.total, 0, 0);
}

static void odd_clients(void **state)
{
	static const char *const clients[] = { "", ":", "[", "[::1",
					       "192.0.2.1" };
	struct top_sources s = {};
	char client[200];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(clients) / sizeof(clients[0]); i++)
		top_sources_add(&s, clients[i]);
	memset(client, '1', sizeof(client) - 1);
	client[sizeof(client) - 1] = '\0';
	top_sources_add(&s, client);
	assert_int_equal(s.total, 6);
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

/* Whatever the size: parts are in order, none overlaps, none is outside. */
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
	cmocka_unit_test(rates_of_two_looks),
	cmocka_unit_test(one_look_has_services_but_no_rates),
	cmocka_unit_test(a_gap_is_no_rate),
	cmocka_unit_test(answers_that_lack_everything),
	cmocka_unit_test(reasons_are_in_order_of_rate),
	cmocka_unit_test(orders),
	cmocka_unit_test(numbers),
	cmocka_unit_test(sparklines),
	cmocka_unit_test(sparkline_of_more_than_a_minute),
	cmocka_unit_test(services_at_80_columns),
	cmocka_unit_test(services_at_60_columns),
	cmocka_unit_test(lines_about_the_daemon),
	cmocka_unit_test(sources_by_share),
	cmocka_unit_test(random_sources_do_not_stand_out),
	cmocka_unit_test(sources_fade),
	cmocka_unit_test(odd_clients),
	cmocka_unit_test(what_does_not_fit),
	cmocka_unit_test(parts_do_not_overlap),
	cmocka_unit_test(at_80x24),
};

TEST_MAIN(tests)
