// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: SYNs with TCP Fast Open, with a cookie of the kernel's,
 * asking for one, or with data alone. Where the listener has it, they are the
 * kernel's as long as their budget lasts; beyond it, and elsewhere, they get an
 * ordinary SYN-ACK, so that the client sends its data after the handshake.
 */
#include <linux/bpf.h>
#include <stdio.h>

#include "handed_over.h"
#include "synack.h"
#include "testmain.h"

enum { BUDGET_FAST_OPEN = 13 }; /* as bpf/report/budget.bpf.h */

/* Does the listener of both services have Fast Open? */
static void tell(bool has)
{
	struct endpoint four = harness_service(SERVICE_4, ENDPOINT_ARMED);
	struct port_services ps;

	four.flags = has ? ENDPOINT_FASTOPEN : 0;
	ps = (struct port_services){ .any4 = four, .any6 = four };
	ps.any6.service = SERVICE_6;
	harness_port(443, &ps);
}

struct row {
	const char *what;
	struct spec syn;
	struct answer_spec answer;
};

#define NONE WSCALE_NONE

static const struct row rows[] = {
	{ "asks for a cookie",
	  { .opts = "mss:1460 x:2202" },
	  { { 1460, NONE }, .opts = "mss:1460" } },
	{ "Linux asks for a cookie",
	  { .opts = "mss:1460 sack ts:1:0 nop ws:7 x:2202 nop nop" },
	  { { 1460, 7, 1, 0, 1 },
	    .opts = "mss:1460 sack ts:COOKIE:1 nop ws:9" } },
	{ "Linux with a cookie and data",
	  { .opts = "mss:1460 sack ts:1:0 nop ws:7 "
		    "x:220a0102030405060708 nop nop",
	    .data = 100 },
	  { { 1460, 7, 1, 0, 1 },
	    .opts = "mss:1460 sack ts:COOKIE:1 nop ws:9" } },
	{ "Windows asks for a cookie",
	  { .opts = "mss:1460 nop ws:8 nop nop sack x:2202 nop nop" },
	  { { 1460, 8, 1 }, .opts = "mss:1460 nop nop sack nop ws:9" } },
	{ "the experiment's option",
	  { .opts = "mss:1460 x:fe04f989" },
	  { { 1460, NONE }, .opts = "mss:1460" } },
	{ "the experiment's option with a cookie",
	  { .opts = "mss:1460 x:fe0cf9890102030405060708" },
	  { { 1460, NONE }, .opts = "mss:1460" } },
	{ "data without an option",
	  { .opts = "mss:1460", .data = 1 },
	  { { 1460, NONE }, .opts = "mss:1460" } },
	{ "data of Linux without an option",
	  { .opts = "mss:1460 sack ts:1:0 nop ws:7", .data = 10 },
	  { { 1460, 7, 1, 0, 1 },
	    .opts = "mss:1460 sack ts:COOKIE:1 nop ws:9" } },
};

/* What is neither. */
static const struct row others[] = {
	{ "no option, no data",
	  { .opts = "mss:1460 sack ts:1:0 nop ws:7" },
	  { { 1460, 7, 1, 0, 1 },
	    .opts = "mss:1460 sack ts:COOKIE:1 nop ws:9" } },
	{ "a frame's padding is no data",
	  { .opts = "mss:1460", .pad = true },
	  { { 1460, NONE }, .opts = "mss:1460" } },
	{ "another experiment",
	  { .opts = "mss:1460 x:fe04f988" },
	  { { 1460, NONE }, .opts = "mss:1460" } },
	{ "an experiment without a number",
	  { .opts = "mss:1460 x:fe02 nop nop" },
	  { { 1460, NONE }, .opts = "mss:1460" } },
	{ "half of a number",
	  { .opts = "mss:1460 x:fe03f9 x:89" },
	  { { 1460, NONE }, .opts = "mss:1460" } },
	{ "a length beyond the end",
	  { .opts = "mss:1460 nop nop x:2203" },
	  { { 1460, NONE }, .opts = "mss:1460" } },
};

static struct spec syn_of(const struct row *row)
{
	struct spec syn = row->syn;

	syn.flags = SYN;
	return syn;
}

static void run_answered(const struct row *row, size_t n)
{
	static struct frame in, out;
	unsigned bad = 0;

	for (; n--; row++) {
		struct spec syn = syn_of(row);

		packet_build(&syn, &in);
		synack_build(&syn, &in, &row->answer, &out);
		bad += !expect(row->what, &in, XDP_TX, REASON_answered, &out);
	}
	assert_int_equal(bad, 0);
}

#define RUN_ANSWERED(rows) run_answered(rows, sizeof(rows) / sizeof((rows)[0]))

static void run_handed_over(bool v6)
{
	unsigned i, bad = 0;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct spec syn = syn_of(&rows[i]);

		syn.v6 = v6;
		bad += handed_over(rows[i].what, &syn);
	}
	assert_int_equal(bad, 0);
}

static void all_are_handed_over(void **state)
{
	(void)state;
	tell(true);
	run_handed_over(false);
	run_handed_over(true);
}

static void others_are_answered(void **state)
{
	(void)state;
	tell(true);
	RUN_ANSWERED(others);
}

static void without_it_all_are_answered(void **state)
{
	(void)state;
	tell(false);
	RUN_ANSWERED(rows);
	RUN_ANSWERED(others);
}

static void beyond_the_budget_all_are_answered(void **state)
{
	(void)state;
	tell(true);
	harness_spend(BUDGET_FAST_OPEN);
	RUN_ANSWERED(rows);
}

/* A flood takes no more than the budget, and nothing of another's. */
static void in_a_flood(void **state)
{
	static const struct spec s = { .flags = SYN,
				       .opts = "mss:1460 x:2202" };
	static const struct spec small = { .flags = SYN, .opts = "mss:265" };

	(void)state;
	tell(true);
	handed_over_flood(&s, REASON_answered);
	assert_true(
		expect_spec("small MSS", &small, XDP_PASS, REASON_handed_over));
}

/* A tiny MSS is no reason to drop it while the budget lasts. */
static void with_a_small_mss(void **state)
{
	struct spec s = { .flags = SYN, .opts = "mss:265 x:2202" };

	(void)state;
	tell(true);
	assert_true(expect_spec("SYN", &s, XDP_PASS, REASON_handed_over));
}

#define TEST(name)                                                     \
	cmocka_unit_test_setup_teardown(name, harness_setup_listening, \
					harness_teardown)

static const struct CMUnitTest tests[] = {
	TEST(all_are_handed_over),
	TEST(others_are_answered),
	TEST(without_it_all_are_answered),
	TEST(beyond_the_budget_all_are_answered),
	TEST(in_a_flood),
	TEST(with_a_small_mss),
};

TEST_MAIN(tests)
