// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: which unmatched segments pass to the kernel for its RST,
 * and how many: per CPU, and per prefix of sources.
 */
#include <linux/bpf.h>
#include <stdio.h>

#include "harness.h"
#include "testmain.h"

enum { RATE = 20, BURST = 100 };

static void resets(uint32_t per_second)
{
	harness.cfg.resets_per_second = per_second;
	harness.cfg.source_bits4 = 24;
	harness.cfg.source_bits6 = 56;
	harness_settings();
}

/* Unchanged, whatever the form: the answer is the kernel's. */
static void passes_for_its_reset(void **state)
{
	static const struct spec rows[] = {
		{ .flags = ACK },
		{ .flags = ACK, .opts = "nop nop ts:1:2" },
		{ .flags = ACK | PSH, .data = 1000 },
		{ .flags = FIN | ACK, .pad = true },
		{ .flags = SYN | ACK },
		{ .flags = SYN | ACK | FIN },
		{ .flags = ACK, .vlan = "q", .ip_opts = 8 },
		{ .flags = ACK, .v6 = true, .data = 10 },
		{ .flags = ACK, .v6 = true, .ext = "h" },
	};
	unsigned i, bad = 0;
	char what[32];

	(void)state;
	resets(1000000);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct spec s = rows[i];

		s.seq = 1000;
		s.ack = 0xabcdef01;
		snprintf(what, sizeof(what), "row %u", i);
		bad += !expect_spec(what, &s, XDP_PASS, REASON_reset);
	}
	assert_int_equal(bad, 0);
}

/* What draws no RST from the kernel's listener gains nothing by passing. */
static void draws_none(void **state)
{
	static const struct {
		uint8_t flags;
		enum reason reason;
	} rows[] = {
		{ 0, REASON_bad_flags },
		{ FIN, REASON_bad_flags },
		{ FIN | PSH | URG, REASON_bad_flags },
		{ SYN | FIN, REASON_bad_flags },
		{ SYN | RST | ACK, REASON_bad_flags },
		{ RST, REASON_stray_rst },
		{ RST | ACK, REASON_stray_rst },
	};
	unsigned i, bad = 0;
	char what[32];

	(void)state;
	resets(1000000);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct spec s = { .flags = rows[i].flags, .ack = 7 };

		snprintf(what, sizeof(what), "flags %#x", rows[i].flags);
		bad += !expect_spec(what, &s, XDP_DROP, rows[i].reason);
	}
	assert_int_equal(bad, 0);
}

/* Of @n ACKs in quick succession, how many pass? */
static unsigned passing(const char *src, unsigned n)
{
	static struct frame in;
	static struct run r;
	unsigned passed = 0;

	packet_build(&(struct spec){ .src = src, .flags = ACK, .ack = 1 }, &in);
	while (n--) {
		harness_run(&in, &r);
		assert_int_equal(r.reason, r.verdict == XDP_PASS
						   ? REASON_reset
						   : REASON_bad_cookie);
		passed += r.verdict == XDP_PASS;
	}
	return passed;
}

/* In each test at most two different seconds. */
static void resets_are_limited(void **state)
{
	char src[16];
	unsigned i, passed = 0;

	(void)state;
	resets(RATE);
	for (i = 0; i < BURST; i++) {
		snprintf(src, sizeof(src), "198.51.%u.1", i);
		passed += passing(src, 1);
	}
	assert_in_range(passed, RATE, 2 * RATE);
}

static void prefix_gets_half(void **state)
{
	unsigned passed;

	(void)state;
	resets(BURST); /* the test before may have had some */
	passed = passing("203.0.113.1", BURST) +
		 passing("203.0.113.2", BURST);
	assert_in_range(passed, BURST / 2 + 1, 2 * (BURST / 2 + 1));
	assert_in_range(passing("198.18.5.1", 1), 1, 1); /* another's */
}

/* In a flood nothing is asked, and nothing passes. */
static void flood_draws_none(void **state)
{
	(void)state;
	resets(1000000);
	harness.cfg.flags |= SETTING_COMPLETE;
	harness_settings();
	harness_spend_budget();
	assert_int_equal(passing("198.51.100.1", 3), 0);
	assert_true(expect_spec("SYN+ACK", &(struct spec){ .flags = SYN | ACK },
				XDP_DROP, REASON_bad_flags));
}

#define TEST(name) cmocka_unit_test_setup(name, harness_setup)

static const struct CMUnitTest tests[] = {
	TEST(passes_for_its_reset), TEST(draws_none),
	TEST(resets_are_limited),   TEST(prefix_gets_half),
	TEST(flood_draws_none),
};

TEST_MAIN(tests)
