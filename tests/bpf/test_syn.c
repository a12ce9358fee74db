// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: SYNs to an armed service and the resulting SYN-ACKs.
 * Each row has the options of the SYN, what must be negotiated, and the options
 * of the answer; the rest of the answer follows from the SYN.
 */
#include <linux/bpf.h>
#include <stdio.h>

#include "synack.h"
#include "testmain.h"

struct row {
	const char *what;
	struct spec in;
	struct answer_spec out;
	uint32_t off; /* enum setting_flags that are off */
};

/* mss, wscale, sack, ecn, ts */
#define HS(...) .out.hs = { __VA_ARGS__ }
#define NONE	WSCALE_NONE

static void run_rows(const struct row *rows, size_t n)
{
	static struct frame in, out;
	uint32_t flags = harness.cfg.flags;
	unsigned bad = 0;

	for (; n--; rows++) {
		struct spec syn = rows->in;

		syn.flags |= SYN;
		harness.cfg.flags = flags & ~rows->off;
		harness_settings();
		packet_build(&syn, &in);
		synack_build(&syn, &in, &rows->out, &out);
		bad += !expect(rows->what, &in, XDP_TX, REASON_answered, &out);
	}
	assert_int_equal(bad, 0);
}

#define RUN(rows) run_rows(rows, sizeof(rows) / sizeof((rows)[0]))

static void common_layouts(void **state)
{
	static const struct row rows[] = {
		{ "Linux",
		  { .opts = "mss:1460 sack ts:7777:0 nop ws:7" },
		  HS(1460, 7, 1, 0, 1),
		  .out.opts = "mss:1460 sack ts:COOKIE:7777 nop ws:9" },
		{ "Windows",
		  { .opts = "mss:1460 nop ws:8 nop nop sack" },
		  HS(1460, 8, 1, 0, 0),
		  .out.opts = "mss:1460 nop nop sack nop ws:9" },
		{ "macOS",
		  { .opts = "mss:1460 nop ws:6 nop nop ts:7777:0 sack eol "
			    "eol" },
		  HS(1460, 6, 1, 0, 1),
		  .out.opts = "mss:1460 sack ts:COOKIE:7777 nop ws:9" },
		{ "FreeBSD",
		  { .opts = "mss:1460 nop ws:6 sack ts:7777:0" },
		  HS(1460, 6, 1, 0, 1),
		  .out.opts = "mss:1460 sack ts:COOKIE:7777 nop ws:9" },
		{ "MSS only",
		  { .opts = "mss:1460" },
		  HS(1460, NONE),
		  .out.opts = "mss:1460" },
		{ "no options", {}, HS(536, NONE), .out.opts = "mss:1460" },
		{ "Linux, IPv6",
		  { .v6 = true, .opts = "mss:1440 sack ts:7777:0 nop ws:7" },
		  HS(1440, 7, 1, 0, 1),
		  .out.opts = "mss:1440 sack ts:COOKIE:7777 nop ws:9" },
		{ "Windows, IPv6",
		  { .v6 = true, .opts = "mss:1440 nop ws:8 nop nop sack" },
		  HS(1440, 8, 1, 0, 0),
		  .out.opts = "mss:1440 nop nop sack nop ws:9" },
		{ "macOS, IPv6",
		  { .v6 = true,
		    .opts = "mss:1440 nop ws:6 nop nop ts:7777:0 sack eol "
			    "eol" },
		  HS(1440, 6, 1, 0, 1),
		  .out.opts = "mss:1440 sack ts:COOKIE:7777 nop ws:9" },
		{ "no options, IPv6",
		  { .v6 = true },
		  HS(1220, NONE),
		  .out.opts = "mss:1440" },
	};

	(void)state;
	RUN(rows);
}

static const struct row negotiation_rows[] = {
	{ "jumbo MSS",
	  { .opts = "mss:8960 sack ts:1:0 nop ws:7" },
	  HS(8960, 7, 1, 0, 1),
	  .out.opts = "mss:1460 sack ts:COOKIE:1 nop ws:9" },
	{ "MSS to the byte",
	  { .opts = "mss:1459 sack ts:1:0 nop ws:7" },
	  HS(1459, 7, 1, 0, 1),
	  .out.opts = "mss:1460 sack ts:COOKIE:1 nop ws:9" },
	{ "no MSS among others is 536",
	  { .opts = "sack ts:1:0 nop nop ws:7 nop" },
	  HS(536, 7, 1, 0, 1),
	  .out.opts = "mss:1460 sack ts:COOKIE:1 nop ws:9" },
	{ "no MSS among others is 1220 with IPv6",
	  { .v6 = true, .opts = "sack ts:1:0 nop nop ws:7 nop" },
	  HS(1220, 7, 1, 0, 1),
	  .out.opts = "mss:1440 sack ts:COOKIE:1 nop ws:9" },
	{ "window scale 15 is 14 (Linux layout)",
	  { .opts = "mss:1460 sack ts:1:0 nop ws:15" },
	  HS(1460, 14, 1, 0, 1),
	  .out.opts = "mss:1460 sack ts:COOKIE:1 nop ws:9" },
	{ "window scale 255 is 14 (FreeBSD layout)",
	  { .opts = "mss:1460 nop ws:255 sack ts:1:0" },
	  HS(1460, 14, 1, 0, 1),
	  .out.opts = "mss:1460 sack ts:COOKIE:1 nop ws:9" },
	{ "window scale 15 is 14 (unusual order)",
	  { .opts = "sack ts:1:0 mss:1460 nop ws:15" },
	  HS(1460, 14, 1, 0, 1),
	  .out.opts = "mss:1460 sack ts:COOKIE:1 nop ws:9" },
	{ "window scale 0 is an offer",
	  { .opts = "mss:1460 nop ws:0" },
	  HS(1460, 0),
	  .out.opts = "mss:1460 nop ws:9" },
	{ "SACK alone",
	  { .opts = "mss:1460 nop nop sack" },
	  HS(1460, NONE, 1),
	  .out.opts = "mss:1460 nop nop sack" },
	{ "timestamps alone",
	  { .opts = "mss:1460 nop nop ts:4294967295:0" },
	  HS(1460, NONE, 0, 0, 1),
	  .out.opts = "mss:1460 nop nop ts:COOKIE:4294967295" },
	{ "timestamps and window scale, no SACK",
	  { .opts = "mss:1460 nop nop ts:1:0 nop ws:7" },
	  HS(1460, 7, 0, 0, 1),
	  .out.opts = "mss:1460 nop nop ts:COOKIE:1 nop ws:9" },
	{ "timestamps off",
	  { .opts = "mss:1460 sack ts:1:0 nop ws:7" },
	  HS(1460, 7, 1, 0, 0),
	  .out.opts = "mss:1460 nop nop sack nop ws:9",
	  .off = SETTING_TS },
	{ "SACK off",
	  { .opts = "mss:1460 sack ts:1:0 nop ws:7" },
	  HS(1460, 7, 0, 0, 1),
	  .out.opts = "mss:1460 nop nop ts:COOKIE:1 nop ws:9",
	  .off = SETTING_SACK },
	{ "window scale off",
	  { .opts = "mss:1460 sack ts:1:0 nop ws:7" },
	  HS(1460, NONE, 1, 0, 1),
	  .out.opts = "mss:1460 sack ts:COOKIE:1",
	  .off = SETTING_WSCALE },
	{ "everything off",
	  { .opts = "mss:1460 sack ts:1:0 nop ws:7", .flags = ECE | CWR },
	  HS(1460, NONE),
	  .out.opts = "mss:1460",
	  .off = SETTING_TS | SETTING_SACK | SETTING_WSCALE | SETTING_ECN },
	{ "Fast Open is ignored",
	  { .opts = "mss:1460 sack ts:1:0 nop ws:7 "
		    "x:220a0102030405060708 nop nop" },
	  HS(1460, 7, 1, 0, 1),
	  .out.opts = "mss:1460 sack ts:COOKIE:1 nop ws:9" },
	{ "Fast Open cookie request without timestamps",
	  { .opts = "mss:1460 x:2202 nop nop" },
	  HS(1460, NONE),
	  .out.opts = "mss:1460" },
};

static void negotiation(void **state)
{
	(void)state;
	RUN(negotiation_rows);
}

static const char ecn_out[] = "mss:1460 sack ts:COOKIE:1 nop ws:9";
static const char ecn_in[] = "mss:1460 sack ts:1:0 nop ws:7";
static const struct row ecn_rows[] = {
	{ "ECN",
	  { .flags = ECE | CWR, .opts = ecn_in },
	  HS(1460, 7, 1, 1, 1),
	  .out.opts = ecn_out },
	{ "ECN, SYN itself ECT(0): declined",
	  { .flags = ECE | CWR, .tos = 2, .opts = ecn_in },
	  HS(1460, 7, 1, 0, 1),
	  .out.opts = ecn_out },
	{ "ECN, SYN itself CE, IPv6: declined",
	  { .v6 = true, .flags = ECE | CWR, .tos = 3 },
	  HS(1220, NONE, 0, 0, 0),
	  .out.opts = "mss:1440" },
	{ "ECN, DSCP but Not-ECT, IPv6",
	  { .v6 = true, .flags = ECE | CWR, .tos = 0xfc },
	  HS(1220, NONE, 0, 1, 0),
	  .out.opts = "mss:1440" },
	{ "AccECN offer, SYN itself ECT(1): classic ECN",
	  { .flags = ECE | CWR, .ae = true, .tos = 1, .opts = ecn_in },
	  HS(1460, 7, 1, 1, 1),
	  .out.opts = ecn_out },
	{ "DSCP is not echoed",
	  { .tos = 0xb8, .opts = ecn_in },
	  HS(1460, 7, 1, 0, 1),
	  .out.opts = ecn_out },
	{ "ECN without timestamps",
	  { .flags = ECE | CWR, .opts = "mss:1460 nop ws:8 nop nop sack" },
	  HS(1460, 8, 1, 1, 0),
	  .out.opts = "mss:1460 nop nop sack nop ws:9" },
	{ "ECN without any option",
	  { .flags = ECE | CWR },
	  HS(536, NONE, 0, 1, 0),
	  .out.opts = "mss:1460" },
	{ "ECN, IPv6",
	  { .v6 = true, .flags = ECE | CWR },
	  HS(1220, NONE, 0, 1, 0),
	  .out.opts = "mss:1440" },
	{ "ECE alone is no offer",
	  { .flags = ECE, .opts = ecn_in },
	  HS(1460, 7, 1, 0, 1),
	  .out.opts = ecn_out },
	{ "CWR alone is no offer",
	  { .flags = CWR, .opts = ecn_in },
	  HS(1460, 7, 1, 0, 1),
	  .out.opts = ecn_out },
	{ "AccECN offer is answered as classic ECN",
	  { .flags = ECE | CWR, .ae = true, .opts = ecn_in },
	  HS(1460, 7, 1, 1, 1),
	  .out.opts = ecn_out },
	{ "the AE bit alone means nothing",
	  { .ae = true, .opts = ecn_in },
	  HS(1460, 7, 1, 0, 1),
	  .out.opts = ecn_out },
	{ "ECN off",
	  { .flags = ECE | CWR, .opts = ecn_in },
	  HS(1460, 7, 1, 0, 1),
	  .out.opts = ecn_out,
	  .off = SETTING_ECN },
};

static void ecn(void **state)
{
	(void)state;
	RUN(ecn_rows);
}

static void data_is_not_acknowledged(void **state)
{
	static const char out[] = "mss:1460 sack ts:COOKIE:1 nop ws:9";
	static const char in[] = "mss:1460 sack ts:1:0 nop ws:7";
	static const struct row rows[] = {
		{ "one byte of data",
		  { .data = 1, .opts = in },
		  HS(1460, 7, 1, 0, 1),
		  .out.opts = out },
		{ "a full segment",
		  { .data = 1400, .opts = in },
		  HS(1460, 7, 1, 0, 1),
		  .out.opts = out },
		{ "a full segment, IPv6",
		  { .v6 = true, .data = 1400 },
		  HS(1220, NONE),
		  .out.opts = "mss:1440" },
		{ "data in a frame of minimum size",
		  { .data = 2, .pad = true },
		  HS(536, NONE),
		  .out.opts = "mss:1460" },
		{ "data and PSH, URG",
		  { .flags = PSH | URG, .data = 100, .opts = in },
		  HS(1460, 7, 1, 0, 1),
		  .out.opts = out },
	};

	(void)state;
	RUN(rows);
}

static void sequence_numbers(void **state)
{
	static const struct row rows[] = {
		{ "ISN 1", { .seq = 1 }, HS(536, NONE), .out.opts = "mss:1460" },
		{ "ISN 0xffffffff: the acknowledgement is 0",
		  { .seq = 0xffffffff },
		  HS(536, NONE),
		  .out.opts = "mss:1460" },
		{ "an ACK number in a SYN is ignored",
		  { .ack = 0xdeadbeef },
		  HS(536, NONE),
		  .out.opts = "mss:1460" },
		{ "port 65535",
		  { .sport = 65535 },
		  HS(536, NONE),
		  .out.opts = "mss:1460" },
	};

	(void)state;
	RUN(rows);
}

/* The same SYN gets the same answer; the next epoch's differs. */
static void retransmitted(void **state)
{
	static struct spec syn = { .flags = SYN,
				   .opts = "mss:1460 sack ts:1:0 nop ws:7" };
	static struct frame in, out, next;

	(void)state;
	packet_build(&syn, &in);
	synack_reference(&syn, &in, &out);
	assert_true(expect("first", &in, XDP_TX, REASON_answered, &out));
	assert_true(expect("again", &in, XDP_TX, REASON_answered, &out));
	harness_rotate();
	synack_reference(&syn, &in, &next);
	assert_true(memcmp(out.data, next.data, out.len));
	assert_true(expect("in the next epoch", &in, XDP_TX, REASON_answered,
			   &next));
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test_setup(common_layouts, harness_setup),
	cmocka_unit_test_setup(negotiation, harness_setup),
	cmocka_unit_test_setup(ecn, harness_setup),
	cmocka_unit_test_setup(data_is_not_acknowledged, harness_setup),
	cmocka_unit_test_setup(sequence_numbers, harness_setup),
	cmocka_unit_test_setup(retransmitted, harness_setup),
};

TEST_MAIN(tests)
