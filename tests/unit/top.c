// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: what `synkeeper top` computes from the daemon's replies
 * and from samples; needs no terminal.
 */
#include "toplooks.h"

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

/* What tc counts in addition ("refused") is not another packet. */
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
	assert_true(s->monitored);
	assert_float_equal(s->rate[TOP_ANSWERED], 4, 0.001);
	assert_float_equal(s->rate[TOP_DROPPED], 1, 0.001);
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

/* After a gap, rates start over; the history is kept. */
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

/* The table of reasons says which are SYNs, and which are incoming packets. */
static void reasons_count_as_what_they_are(void **state)
{
	static const char stats[] =
		"{'services':[],'total':{'answered':%d,'kernel_syn':%d,"
		"'session_syn':%d,'fragment':%d,'no_listener':%d,"
		"'bad_checksum':%d,'of_another_version':%d}}";
	struct top t = {};
	char text[512];
	int n;

	(void)state;
	for (n = 0; n <= 1; n++) {
		snprintf(text, sizeof(text), stats, n * 1, n * 2, n * 4, n * 8,
			 n * 16, n * 32, n * 64);
		assert_int_equal(top_update(&t, json("{'services':[]}"),
					    json(text), json("{}"), n + 1),
				 0);
	}
	assert_int_equal(t.history[TOP_SYN].value[0], 1 + 2 + 4);
	assert_int_equal(t.history[TOP_IN].value[0], 1 + 2 + 4 + 8 + 16 + 64);
	assert_int_equal(t.history[TOP_DROPPED].value[0], 8 + 32);
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
		{ TOP_ANSWERED, "*:80", "*:22" },
		{ TOP_DROPPED, "*:80", "*:22" },
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

/* Of many addresses with one packet each, none is listed. */
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

/*
 * A row shows the current rate: total rate times share. But the share was that
 * of the last half minute: 19 s after a flood from everywhere had become one
 * from a single source, that source was shown with 73 %.
 */
static void a_source_of_everything_was_shown_as_three_quarters(void **state)
{
	struct top t = {};
	unsigned int i, second;
	char client[32];

	(void)state;
	for (second = 0; second < 60; second++) {
		for (i = 0; i < 100; i++) {
			snprintf(client, sizeof(client), "10.0.%u.%u:1", second,
				 i);
			top_sources_add(&t.sources, client);
		}
		top_sources_fade(&t.sources, 1);
	}
	assert_int_equal(top_sources_rank(&t.sources), 0);
	for (second = 0; second < 10; second++) {
		add(&t.sources, 100, "192.0.2.1:1");
		top_sources_fade(&t.sources, 1);
	}
	assert_int_equal(top_sources_rank(&t.sources), 1);
	expect("the source", "192.0.2.1", t.sources.entry[0].addr);
	assert_float_equal(top_sources_share(&t.sources, t.sources.entry), 1,
			   0.04);
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

/* Updates half a minute apart show the sources since the previous one. */
static void looks_far_apart_have_sources(void **state)
{
	struct top t = {};
	int i;

	(void)state;
	for (i = 0; i <= 2; i++) {
		add(&t.sources, 100, "192.0.2.1:1");
		assert_int_equal(top_update(&t, json(STATUS), json("{}"),
					    json("{}"), 30 * i + 1),
				 0);
		assert_int_equal(top_sources_rank(&t.sources), 1);
	}
	top_free(&t);
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

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(rates_of_two_looks),
	cmocka_unit_test(one_look_has_services_but_no_rates),
	cmocka_unit_test(a_gap_is_no_rate),
	cmocka_unit_test(answers_that_lack_everything),
	cmocka_unit_test(reasons_are_in_order_of_rate),
	cmocka_unit_test(reasons_count_as_what_they_are),
	cmocka_unit_test(orders),
	cmocka_unit_test(sources_by_share),
	cmocka_unit_test(random_sources_do_not_stand_out),
	cmocka_unit_test(a_source_of_everything_was_shown_as_three_quarters),
	cmocka_unit_test(sources_fade),
	cmocka_unit_test(looks_far_apart_have_sources),
	cmocka_unit_test(odd_clients),
};

TEST_MAIN(tests)
