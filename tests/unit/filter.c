// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: tables of filters, each with whether it must match an
 * ordinary session.
 */
#include "filterline.h"

#include <arpa/inet.h>

enum { NOW = 1000000 }; /* ticks */

static void must_parse(const char *line, struct filter *ret)
{
	char err[FILTER_ERR_MAX] = "";

	if (filter_of(line, ret, err))
		fail_msg("\"%s\": expected it to parse, got \"%s\"", line, err);
}

/* From 192.0.2.1:40000 to 198.51.100.1:443, 60 s old, 30 s idle. */
static const struct plain {
	const char *client, *server;
	__u16 client_port, server_port;
	__u8 state;
	unsigned int age_s, idle_s;
	const char *listen, *name;
} plain = { "192.0.2.1", "198.51.100.1", 40000, 443, SESSION_ESTABLISHED, 60,
	    30,		 "*:443",	 "web" };

static void put_addr(const char *text, __be32 ret[4])
{
	ret[0] = ret[1] = 0;
	ret[2] = htobe32(0xffff);
	if (inet_pton(AF_INET, text, &ret[3]) != 1)
		assert_int_equal(inet_pton(AF_INET6, text, ret), 1);
}

static __u32 ticks(unsigned int s)
{
	return ns_to_ticks(s * 1000000000ULL) + 1; /* not rounded to less */
}

static void expect_meant(const char *line, const struct plain *p, bool meant)
{
	struct service_info info = { .used = 1 };
	struct session s = {};
	struct filter f;
	struct listen l;
	const char *why;

	must_parse(line, &f);
	put_addr(p->client, s.tuple.client);
	put_addr(p->server, s.tuple.server);
	s.tuple.client_port = htons(p->client_port);
	s.tuple.server_port = htons(p->server_port);
	s.live.state = p->state;
	s.born = NOW - ticks(p->age_s);
	s.live.seen = NOW - ticks(p->idle_s);
	assert_int_equal(listen_parse(p->listen, &l, &why), 0);
	memcpy(info.listen.addr, l.addr, sizeof(l.addr));
	info.listen.port = l.port;
	info.wildcard = l.wildcard;
	snprintf(info.name, sizeof(info.name), "%s", p->name);
	if (filter_match(&f, &s, &info, NOW) != meant)
		fail_msg("\"%s\": expected it to %s %s:%u -> %s:%u, %s, %u s "
			 "old, %u s idle, of %s (%s)",
			 line, meant ? "mean" : "leave out", p->client,
			 p->client_port, p->server, p->server_port,
			 filter_state_name(p->state), p->age_s, p->idle_s,
			 p->listen, p->name);
}

static const struct {
	const char *line;
	bool meant;
} plain_words[] = {
	{ "", true },
	{ "src 192.0.2.1", true },
	{ "src 192.0.2.2", false },
	{ "src 192.0.2.1/32", true },
	{ "src 192.0.2.0/31", true },
	{ "src 192.0.2.2/31", false },
	{ "src 192.0.2.0/24", true },
	{ "src 192.0.3.0/24", false },
	{ "src 128.0.0.0/1", true },
	{ "src 0.0.0.0/1", false },
	{ "src 0.0.0.0/0", true },
	{ "src ::ffff:192.0.2.1", true },
	{ "src ::ffff:192.0.2.0/120", true },
	{ "src ::/0", false },
	{ "src ::/80", false },
	{ "src 198.51.100.1", false },
	{ "dst 198.51.100.1", true },
	{ "dst 192.0.2.1", false },
	{ "dst 198.51.100.0/24", true },
	{ "dst ::/0", false },
	{ "sport 40000", true },
	{ "sport 39999", false },
	{ "sport 40000-40000", true },
	{ "sport 40001-65535", false },
	{ "sport 0-40000", true },
	{ "sport 443", false },
	{ "dport 443", true },
	{ "dport 80", false },
	{ "dport 400-500", true },
	{ "dport 40000", false },
	{ "state established", true },
	{ "state pending", false },
	{ "state pending,established", true },
	{ "state live", true },
	{ "state half-closed", false },
	{ "state opening,time-wait", false },
	{ "age 60s", true },
	{ "age 61s", false },
	{ "age 30s-61s", true },
	{ "age 0s-59s", false },
	{ "age 0s", true },
	{ "idle 30s", true },
	{ "idle 31s", false },
	{ "idle 1s-29s", false },
	{ "idle 29s-1m", true },
	{ "service web", true },
	{ "service we", false },
	{ "service webs", false },
	{ "service WEB", false },
	{ "service *:443", true },
	{ "service *:80", false },
	{ "service 198.51.100.1:443", false },
	{ "src 192.0.2.0/24 dst 198.51.100.1 sport 40000 dport 443 "
	  "state live age 1m idle 10s service web",
	  true },
	{ "src 192.0.2.0/24 dport 80", false },
	{ "dport 443 src 192.0.3.0/24", false },
};

static void words_of_the_plain_session(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(plain_words) / sizeof(plain_words[0]); i++)
		expect_meant(plain_words[i].line, &plain, plain_words[i].meant);
}

static void ipv6_has_prefixes_of_its_own(void **state)
{
	static const struct {
		const char *line;
		bool meant;
	} table[] = {
		{ "src 2001:db8::1", true },
		{ "src 2001:db8::2", false },
		{ "src 2001:db8::/32", true },
		{ "src 2001:db9::/32", false },
		{ "src 2001:db8::/127", true },
		{ "src 2000::/3", true },
		{ "src 8000::/1", false },
		{ "src ::/0", true },
		{ "src 0.0.0.0/0", false },
		{ "dst 2001:db8:1:2::/64", true },
		{ "dst 2001:db8:1:3::/64", false },
		{ "dst 2001:db8:1:2:3:4:5:6", true },
		{ "dst 2001:db8:1:2:3:4:5:4/126", true },
		{ "dst 2001:db8:1:2:3:4:5:0/126", false },
		{ "service [2001:db8:1:2:3:4:5:6]:443", true },
		{ "service [2001:DB8:1:2:3:4:5:6]:443", true },
		{ "service [2001:db8::1]:443", false },
		{ "service *:443", false },
	};
	struct plain v6 = plain;
	size_t i;

	(void)state;
	v6.client = "2001:db8::1";
	v6.server = "2001:db8:1:2:3:4:5:6";
	v6.listen = "[2001:db8:1:2:3:4:5:6]:443";
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		expect_meant(table[i].line, &v6, table[i].meant);
}

/* Each word for states, and the states it stands for. */
static void states_by_name(void **state)
{
	static const struct {
		const char *line;
		__u32 states;
	} table[] = {
		{ "state opening", 1 << SESSION_OPENING },
		{ "state pending", 1 << SESSION_PENDING },
		{ "state established", 1 << SESSION_ESTABLISHED },
		{ "state half-closed-client", 1 << SESSION_HALF_CLOSED_CLIENT },
		{ "state half-closed-server", 1 << SESSION_HALF_CLOSED_SERVER },
		{ "state half-closed",
		  1 << SESSION_HALF_CLOSED_CLIENT |
			  1 << SESSION_HALF_CLOSED_SERVER },
		{ "state closing", 1 << SESSION_CLOSING |
					   1 << SESSION_CLOSING_SERVER |
					   1 << SESSION_CLOSING_CLIENT },
		{ "state time-wait", 1 << SESSION_TIME_WAIT },
		{ "state live",
		  1 << SESSION_PENDING | 1 << SESSION_ESTABLISHED |
			  1 << SESSION_HALF_CLOSED_CLIENT |
			  1 << SESSION_HALF_CLOSED_SERVER |
			  1 << SESSION_CLOSING | 1 << SESSION_CLOSING_SERVER |
			  1 << SESSION_CLOSING_CLIENT },
		{ "state opening,time-wait",
		  1 << SESSION_OPENING | 1 << SESSION_TIME_WAIT },
		{ "", (1 << SESSION_STATES) - 1 }, /* events come from FREE */
	};
	struct plain p = plain;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		for (p.state = 0; p.state < SESSION_STATES; p.state++)
			expect_meant(table[i].line, &p,
				     table[i].states >> p.state & 1);
}

static void without_a_known_service(void **state)
{
	struct session s = { .live = { .state = SESSION_ESTABLISHED } };
	struct filter f;

	(void)state;
	must_parse("", &f);
	assert_true(filter_match(&f, &s, NULL, NOW));
	must_parse("service web", &f);
	assert_false(filter_match(&f, &s, NULL, NOW));
	must_parse("service *:443", &f);
	assert_false(filter_match(&f, &s, NULL, NOW));
}

/* A packet that arrived after the clock was read. */
static void touched_in_the_future(void **state)
{
	struct session s = { .live = { .state = SESSION_ESTABLISHED,
				       .seen = NOW + 1 },
			     .born = NOW + 1 };
	struct filter f;

	(void)state;
	must_parse("idle 0s-1s age 0s-1s", &f);
	assert_true(filter_match(&f, &s, NULL, NOW));
	must_parse("idle 1s", &f);
	assert_false(filter_match(&f, &s, NULL, NOW));
}

static void older_than_any_upper_bound(void **state)
{
	struct session s = { .live = { .state = SESSION_ESTABLISHED },
			     .born = NOW - ticks(60 * 86400) };
	struct filter f;

	(void)state;
	must_parse("age 49d", &f);
	assert_true(filter_match(&f, &s, NULL, NOW));
	must_parse("age 1s-49d", &f);
	assert_false(filter_match(&f, &s, NULL, NOW));
}

static void what_means_every_session(void **state)
{
	static const struct {
		const char *line;
		bool any;
	} table[] = {
		{ "", true },
		{ "sport 0-65535", true },
		{ "dport 1-65535", true },
		{ "age 0s", true },
		{ "idle 0s age 0ms", true },
		{ "state opening,live,time-wait", true },
		{ "src 0.0.0.0/0", false },
		{ "src ::/0", false },
		{ "dst ::/0", false },
		{ "dst 192.0.2.1", false },
		{ "sport 2-65535", false },
		{ "dport 443", false },
		{ "state live", false },
		{ "age 1ms", false },
		{ "age 0s-49d", false },
		{ "idle 1s", false },
		{ "service web", false },
		{ "service *:443", false },
	};
	struct filter f;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		must_parse(table[i].line, &f);
		if (filter_is_any(&f) != table[i].any)
			fail_msg("\"%s\": expected %s", table[i].line,
				 table[i].any ? "that it means every session"
					      : "that it leaves some out");
	}
}

static void state_names(void **state)
{
	(void)state;
	assert_string_equal(filter_state_name(SESSION_FREE), "free");
	assert_string_equal(filter_state_name(SESSION_CLOSING_CLIENT),
			    "closing");
	assert_string_equal(filter_state_name(SESSION_TIME_WAIT), "time-wait");
	assert_string_equal(filter_state_name(SESSION_STATES), "?");
	assert_string_equal(filter_state_name(255), "?");
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(words_of_the_plain_session),
	cmocka_unit_test(ipv6_has_prefixes_of_its_own),
	cmocka_unit_test(states_by_name),
	cmocka_unit_test(without_a_known_service),
	cmocka_unit_test(touched_in_the_future),
	cmocka_unit_test(older_than_any_upper_bound),
	cmocka_unit_test(what_means_every_session),
	cmocka_unit_test(state_names),
};

TEST_MAIN(tests)
