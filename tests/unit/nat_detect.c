// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: what is concluded from clients that lost their sockets.
 * Each row is a sequence of events, one per letter: "a" to "i" are clients from
 * different networks that lost the socket of one of our cookies, "A" to "I" of
 * one of the kernel's cookies, "r", "s", "u" were refused; "t" got through, "o"
 * is an overflow of an accept queue. A digit lets that many seconds pass, "m" a
 * minute, "x" ten minutes; the daemon evaluates after each event and second.
 * Compared is the final conclusion.
 */
#include "testmain.h"

#include "text/addr.h"
#include "host/nat_detect.h"

#define SECOND_NS 1000000000ULL

struct story {
	const char *events;
	enum nat_found end;
};

static const struct story stories[] = {
	{ "", NAT_NOTHING },
	{ "abc", NAT_NOTHING }, /* nothing at once */
	{ "abc2", NAT_NOTHING },
	{ "abc3", NAT_SOCKET_LOST },
	{ "a1b1c1", NAT_SOCKET_LOST },
	{ "rsu3", NAT_REFUSED },
	{ "r9", NAT_NOTHING },
	{ "a9", NAT_NOTHING },
	/* one network with many addresses and ports */
	{ "aaaaaaaaaaaaa9", NAT_NOTHING },
	{ "ababababab9", NAT_NOTHING },
	/* others get through, or the accept queue was full */
	{ "abct3", NAT_NOTHING },
	{ "abc2t9", NAT_NOTHING },
	{ "abtc9", NAT_NOTHING },
	{ "abtcde3", NAT_SOCKET_LOST },
	{ "tabc3", NAT_SOCKET_LOST },
	{ "abco3", NAT_NOTHING },
	/* too far apart to be related */
	{ "abmc9", NAT_NOTHING },
	/* never "SYNs pass" for a service that anybody has ever reached */
	{ "ABC3", NAT_REDIRECTED },
	{ "tABC3", NAT_NOTHING },
	{ "abc3ABC3", NAT_REDIRECTED },
	{ "tabc3ABC3", NAT_SOCKET_LOST },
	{ "ABC3t1", NAT_SOCKET_LOST },
	/* another kind starts over; those in flight are ignored */
	{ "abAc9", NAT_NOTHING },
	{ "ABC3abc9", NAT_REDIRECTED },
	{ "abc3rsu9", NAT_SOCKET_LOST },
	/* it expires, and holds for twice as long if it is confirmed */
	{ "abc3x", NAT_NOTHING },
	{ "abc3xabc3x", NAT_SOCKET_LOST },
	{ "abc3xabc3xx", NAT_NOTHING },
	{ "abc3xxxabc3x", NAT_NOTHING },
	/* no more events than are accepted per minute */
	{ "atbtctdtetftgthtitatbtctdtetftgthtitatbtabc9", NAT_NOTHING },
	{ "atbtctdtetftgthtitatbtctdtetftgthtitatbtmabc3", NAT_SOCKET_LOST },
};

static enum nat_found claim_of(char c)
{
	if (strchr("rsu", c))
		return NAT_REFUSED;
	return c >= 'a' ? NAT_SOCKET_LOST : NAT_REDIRECTED;
}

static void pass(struct nat_detect *d, struct nat_counts *c, int seconds)
{
	while (seconds--) {
		c->clock_ns += SECOND_NS;
		nat_detect_settle(d, c);
	}
}

static void play(const struct story *s)
{
	struct nat_counts c = { .clock_ns = 1000 * SECOND_NS };
	struct nat_detect d = {};
	const char *at;

	for (at = s->events; *at; at++) {
		if (*at >= '0' && *at <= '9')
			pass(&d, &c, *at - '0');
		else if (*at == 'm' || *at == 'x')
			pass(&d, &c, *at == 'm' ? 60 : 600);
		else if (*at == 't')
			c.through++;
		else if (*at == 'o')
			c.other_causes++;
		else if (nat_detect_listens(&d, claim_of(*at), *at | 0x20,
					    c.clock_ns, c.clock_ns))
			nat_detect_witness(&d, claim_of(*at), *at | 0x20, &c);
		nat_detect_settle(&d, &c);
	}
	if (d.found != s->end)
		fail_msg("\"%s\": expected %d, got %d", s->events, s->end,
			 d.found);
}

static void test_stories(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(stories) / sizeof(stories[0]); i++)
		play(&stories[i]);
}

/* However often it is confirmed, it is retried after 80 minutes. */
static void test_held_for_ever(void **state)
{
	struct nat_counts c = { .clock_ns = 1000 * SECOND_NS };
	struct nat_detect d = {};
	__u64 longest = 0, i, n;

	(void)state;
	for (i = 0; i < 9; i++) {
		for (n = 'a'; n <= 'c'; n++)
			nat_detect_witness(&d, NAT_SOCKET_LOST, n, &c);
		pass(&d, &c, 3);
		assert_int_equal(d.found, NAT_SOCKET_LOST);
		for (n = 0; d.found; n++)
			pass(&d, &c, 1);
		longest = n > longest ? n : longest;
	}
	assert_in_range(longest, 4799, 4801);
}

/* A daemon that was stopped reads events of an overflow long ago. */
static void test_late_events_were_believed(void **state)
{
	const __u64 now = 1000 * SECOND_NS;
	struct nat_detect d = {};

	(void)state;
	assert_false(nat_detect_listens(&d, NAT_SOCKET_LOST, 1,
					now - 2 * SECOND_NS, now));
	assert_true(nat_detect_listens(&d, NAT_SOCKET_LOST, 1,
				       now - SECOND_NS / 2, now));
}

static void test_an_inherited_lesson_expires(void **state)
{
	struct nat_counts c = { .clock_ns = 1000 * SECOND_NS };
	struct nat_detect d = {};

	(void)state;
	nat_detect_inherit(&d, c.clock_ns);
	assert_int_equal(d.found, NAT_SOCKET_LOST);
	pass(&d, &c, 599);
	assert_int_equal(d.found, NAT_SOCKET_LOST);
	pass(&d, &c, 1);
	assert_int_equal(d.found, NAT_NOTHING);
}

/* /24 and /48 */
static void test_one_network_is_one_witness(void **state)
{
	static const struct {
		const char *a, *b;
		bool same;
	} rows[] = {
		{ "198.51.100.1:1", "198.51.100.254:2", true },
		{ "198.51.100.1:1", "198.51.101.1:1", false },
		{ "[2001:db8:1:1::1]:1", "[2001:db8:1:ffff::2]:1", true },
		{ "[2001:db8:1::1]:1", "[2001:db8:2::1]:1", false },
	};
	struct listen a, b;
	const char *why;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_false(listen_parse(rows[i].a, &a, &why) ||
			     listen_parse(rows[i].b, &b, &why));
		if ((nat_prefix(a.addr) == nat_prefix(b.addr)) != rows[i].same)
			fail_msg("%s and %s: expected the %s network",
				 rows[i].a, rows[i].b,
				 rows[i].same ? "same" : "other");
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_stories),
	cmocka_unit_test(test_held_for_ever),
	cmocka_unit_test(test_late_events_were_believed),
	cmocka_unit_test(test_an_inherited_lesson_expires),
	cmocka_unit_test(test_one_network_is_one_witness),
};

TEST_MAIN(tests)
