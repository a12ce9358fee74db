// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: SYNs that no cookie can answer, or none may: with a tiny
 * MSS, with a signature. The kernel gets them, as long as the budget lasts, and
 * the ACK that completes its handshake must pass in a flood as well. With Fast
 * Open: see test_fast_open.c.
 */
#include <linux/bpf.h>
#include <stdio.h>

#include "handed_over.h"
#include "netns.h"
#include "sessions.h"
#include "synack.h"
#include "testmain.h"

struct row {
	bool v6;
	const char *opts;
};

static void run_handed_over(const struct row *rows, size_t n)
{
	unsigned i, bad = 0;

	for (i = 0; i < n; i++) {
		struct spec s = { .v6 = rows[i].v6,
				  .flags = SYN,
				  .opts = rows[i].opts };

		bad += handed_over(rows[i].opts, &s);
	}
	assert_int_equal(bad, 0);
}

#define RUN_HANDED_OVER(rows) \
	run_handed_over(rows, sizeof(rows) / sizeof((rows)[0]))

/* The least MSS is answered, one byte less is not. */
static void small_mss(void **state)
{
	static const struct row rows[] = {
		{ false, "mss:535" },
		{ false, "mss:265 sack ts:1:0 nop ws:7" },
		{ false, "mss:92 nop ws:8 nop nop sack" },
		{ false, "mss:1" },
		{ true, "mss:1219" },
		{ true, "mss:536 sack ts:1:0 nop ws:7" },
	};

	(void)state;
	RUN_HANDED_OVER(rows);
}

#define MD5 "x:1312000102030405060708090a0b0c0d0e0f"

/* The kernel knows the keys: whose SYN-ACK lacks a signature is not heard. */
static void signatures(void **state)
{
	static const struct row rows[] = {
		{ false, MD5 " nop nop mss:1460" },
		{ false, "mss:1460 " MD5 " sack ts:9:0" },
		{ false, "mss:265 " MD5 },
		{ false, "mss:1460 x:1d106400010203040506070809101112" },
		{ false, "x:1d046464" },
		{ true, "mss:1440 " MD5 " nop nop sack" },
		{ true, "mss:1440 x:1d106400010203040506070809101112" },
	};

	(void)state;
	RUN_HANDED_OVER(rows);
}

static void in_a_flood_most_are_dropped(void **state)
{
	static const struct spec small = { .flags = SYN, .opts = "mss:265" };

	(void)state;
	handed_over_flood(&small, REASON_small_mss);
}

static void in_a_flood_of_signatures(void **state)
{
	static const struct spec small = { .flags = SYN, .opts = "mss:265" };
	static const struct spec s = { .flags = SYN, .opts = "mss:1460 " MD5 };

	(void)state;
	handed_over_flood(&s, REASON_signed_syn);
	assert_true(
		expect_spec("small MSS", &small, XDP_PASS, REASON_handed_over));
}

static void monitored(void **state)
{
	struct spec s = { .flags = SYN, .opts = "mss:265" };

	(void)state;
	harness_mode(ENDPOINT_DISARMED);
	assert_true(expect_spec("disarmed", &s, XDP_PASS, REASON_disarmed_syn));
}

static void flood_begins(void)
{
	harness.cfg.flags |= SETTING_COMPLETE;
	harness_settings();
	harness_spend_budget();
}

/* The listener made a cookie of its own, as with tcp_syncookies = 2. */
static void ack_of_the_listeners_cookie(void **state)
{
	struct spec syn = { .src = NEAR4, .flags = SYN, .opts = "mss:265" };
	struct spec ack = { .src = NEAR4, .flags = ACK };
	struct tuple t = sessions_tuple(&syn);

	(void)state;
	sessions_mark(sessions_set_of(&t), false);
	ack.ack = netns_kernel_cookie(&syn) + 1;
	ack.seq = CLIENT_ISN + 1;
	assert_true(expect_spec("SYN", &syn, XDP_PASS, REASON_handed_over));
	flood_begins();
	assert_true(expect_spec("ACK", &ack, XDP_PASS, REASON_kernel_cookie));
	sessions_clear();
	assert_true(expect_spec("ACK of no known SYN", &ack, XDP_DROP,
				REASON_bad_cookie));
}

/* An ACK of the tuple that completes nothing is worth no more than any. */
static void ack_of_nothing(void **state)
{
	struct spec s = { .src = NEAR4, .flags = SYN, .opts = "mss:265" };
	struct tuple t = sessions_tuple(&s);

	(void)state;
	assert_true(expect_spec("SYN", &s, XDP_PASS, REASON_handed_over));
	sessions_mark(sessions_set_of(&t), false);
	flood_begins();
	s.flags = ACK;
	s.opts = NULL;
	s.ack = 4711;
	assert_true(expect_spec("ACK", &s, XDP_DROP, REASON_bad_cookie));
}

#define TEST(name)                                                     \
	cmocka_unit_test_setup_teardown(name, harness_setup_listening, \
					harness_teardown)

static const struct CMUnitTest tests[] = {
	TEST(small_mss),      TEST(in_a_flood_most_are_dropped),
	TEST(signatures),     TEST(in_a_flood_of_signatures),
	TEST(monitored),      TEST(ack_of_the_listeners_cookie),
	TEST(ack_of_nothing),
};

TEST_MAIN(tests)
