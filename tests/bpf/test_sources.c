// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: who may open connections: lists of sources, and the cap
 * on SYN-ACKs per source prefix.
 */
#include <linux/bpf.h>

#include "harness.h"
#include "netns.h"
#include "sessions.h"
#include "synack.h"
#include "testmain.h"

struct row {
	const char *what;
	struct spec spec;
	uint32_t verdict;
	enum reason reason;
};

static void run_rows(const struct row *rows, size_t n)
{
	static struct frame in;
	static struct run r;
	unsigned bad = 0;
	size_t i;

	for (i = 0; i < n; i++) {
		r.linear = r.ifindex = 0;
		packet_build(&rows[i].spec, &in);
		harness_run(&in, &r);
		if (rows[i].verdict == XDP_TX) /* test_syn looks at the bytes */
			memcpy(in.data, r.data, in.len = r.len);
		bad += !expect_run(rows[i].what, &in, &r, rows[i].verdict,
				   rows[i].reason, NULL);
	}
	assert_int_equal(bad, 0);
}
#define RUN(rows) run_rows(rows, sizeof(rows) / sizeof((rows)[0]))

static void lists(void)
{
	harness_source("198.51.0.0", 96 + 16, SOURCE_DENIED);
	harness_source("198.51.100.0", 96 + 24, SOURCE_ALLOWED);
	harness_source("198.51.100.66", 128, SOURCE_DENIED);
	harness_source("2001:db8:bad::", 48, SOURCE_DENIED);
}

static void longest_prefix_decides(void **state)
{
	static const struct row rows[] = {
		{ "in no list",
		  { .src = "203.0.113.1", .flags = SYN },
		  WANT(TX, answered) },
		{ "denied",
		  { .src = "198.51.7.1", .flags = SYN },
		  WANT(DROP, denied) },
		{ "allowed within",
		  { .src = "198.51.100.1", .flags = SYN },
		  WANT(TX, answered) },
		{ "denied within that",
		  { .src = "198.51.100.66", .flags = SYN },
		  WANT(DROP, denied) },
		{ "IPv6, in no list",
		  { .v6 = true, .src = "2001:db8:1::1", .flags = SYN },
		  WANT(TX, answered) },
		{ "IPv6, denied",
		  { .v6 = true, .src = "2001:db8:bad::1", .flags = SYN },
		  WANT(DROP, denied) },
		{ "a denied source, to no service",
		  { .src = "198.51.7.1", .dport = 81, .flags = SYN },
		  WANT(PASS, no_service) },
	};

	(void)state;
	lists();
	RUN(rows);
}

/* A list decides who may open a connection; it does not end any. */
static void what_a_list_leaves_alone(void **state)
{
	struct spec syn = { .src = "198.51.7.1", .sport = 42020, .flags = SYN };
	struct spec s = { .src = NEAR4, .sport = 42021, .flags = ACK };
	struct handshake hs = { .mss = 536, .wscale = WSCALE_NONE }, kept;
	struct spec ack = synack_ack(&syn, &hs, &kept);
	unsigned bad = 0;

	(void)state;
	lists();
	harness_source(NEAR4, 128, SOURCE_DENIED);
	netns_connect(&s, NULL, NULL);
	bad += !expect_spec("ACK of a connection", &s, XDP_PASS,
			    REASON_adopted);
	bad += !expect_spec("again", &s, XDP_PASS, REASON_session);
	bad += !expect_spec("the cookie of a source denied meanwhile", &ack,
			    XDP_PASS, REASON_admitted);
	assert_int_equal(bad, 0);
}

/* Lists apply with or without a flood; policy off turns them off. */
static void modes(void **state)
{
	struct spec s = { .src = "198.51.7.1", .flags = SYN };
	unsigned bad = 0;

	(void)state;
	lists();
	harness_mode(ENDPOINT_DISARMED);
	bad += !expect_spec("disarmed", &s, XDP_DROP, REASON_denied);
	harness_mode(ENDPOINT_MONITOR);
	bad += !expect_spec("monitored", &s, XDP_PASS, REASON_denied);
	harness_mode(ENDPOINT_OFF);
	bad += !expect_spec("off", &s, XDP_PASS, REASON_disarmed_syn);
	assert_int_equal(bad, 0);
}

/* How many of @n SYNs from hosts of @net (a format for one number) get in. */
static unsigned answered(const char *net, bool v6, unsigned n)
{
	static struct frame in;
	static struct run r;
	unsigned i, got = 0;
	char src[64];

	for (i = 0; i < n; i++) {
		struct spec s = { .v6 = v6, .src = src, .flags = SYN };

		snprintf(src, sizeof(src), net, i + 1);
		r.linear = r.ifindex = 0;
		packet_build(&s, &in);
		harness_run(&in, &r);
		if (r.reason == REASON_answered)
			got++;
		else if (r.verdict != XDP_DROP || r.reason != REASON_over_cap)
			fail_msg("SYN %u of %s: verdict %u (%s), expected DROP "
				 "(over_cap)",
				 i + 1, src, r.verdict, reason_name(r.reason));
	}
	return got;
}

/* A second may end in between: twice the cap at most. */
static void expect_cap(const char *net, bool v6, unsigned cap)
{
	unsigned got = answered(net, v6, 100);

	if (got < cap || got > 2 * cap)
		fail_msg("100 SYNs of %s: %u answered, expected %u", net, got,
			 cap);
}

static void cap(void **state)
{
	(void)state;
	harness.cfg.synacks_per_second = 10;
	harness.cfg.source_bits4 = 24;
	harness.cfg.source_bits6 = 56;
	harness_settings();
	expect_cap("203.0.113.%u", false, 10);
	expect_cap("203.0.112.%u", false, 10);
	expect_cap("2001:db8:1:2%02x::1", true, 10);
	assert_int_equal(answered("2001:db8:2:%x00::1", true, 100), 100);

	harness_source("203.0.113.0", 96 + 24, SOURCE_ALLOWED);
	assert_int_equal(answered("203.0.113.%u", false, 100), 100);

	harness.cfg.source_bits4 = 32;
	harness_settings();
	assert_int_equal(answered("203.0.115.%u", false, 100), 100);
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, harness_setup, harness_teardown)

static const struct CMUnitTest tests[] = {
	TEST(longest_prefix_decides),
	TEST(what_a_list_leaves_alone),
	TEST(modes),
	TEST(cap),
};

TEST_MAIN(tests)
