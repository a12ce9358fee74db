// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: the metadata that XDP passes to tc with an admitted ACK.
 */
#include <linux/bpf.h>
#include <stdio.h>

#include "netns.h"
#include "sessions.h"
#include "synack.h"
#include "testmain.h"

static const struct spec syn4 = { .flags = SYN };
static const struct spec syn6 = { .v6 = true, .flags = SYN };
static unsigned differs(const char *what, const char *field, uint32_t want,
			uint32_t got)
{
	if (want == got)
		return 0;
	fprintf(stderr, "%s: mark.%s: expected %u, got %u\n", what, field, want,
		got);
	return 1;
}

static unsigned meta_diff(const char *what, const struct meta *want,
			  const struct meta *got)
{
#define FIELD(name) differs(what, #name, want->name, got->name)
	return FIELD(magic) + FIELD(rcv_tsval) + FIELD(rcv_tsecr) + FIELD(mss) +
	       FIELD(rcv_wscale) + FIELD(snd_wscale) + FIELD(ecn_ok) +
	       FIELD(wscale_ok) + FIELD(sack_ok) + FIELD(tstamp_ok) +
	       FIELD(usec_ts_ok) + FIELD(reserved[0]) + FIELD(reserved[1]) +
	       FIELD(reserved[2]);
#undef FIELD
}

/* @ack must be admitted as @kept; @tsecr: the metadata's, with timestamps. */
static unsigned run_ack(const char *what, const struct spec *ack,
			const struct handshake *kept, uint32_t tsecr)
{
	bool scaled = kept->wscale != WSCALE_NONE;
	struct meta want = {
		.magic = META_ASSIGN,
		.mss = kept->mss,
		.ecn_ok = kept->ecn,
		.sack_ok = kept->sack,
		.wscale_ok = scaled,
		.snd_wscale = scaled ? kept->wscale : 0,
		.rcv_wscale = scaled ? SERVER_WSCALE : 0,
		.tstamp_ok = kept->ts,
		.rcv_tsval = kept->ts ? ACK_TSVAL : 0,
		.rcv_tsecr = kept->ts ? tsecr : 0,
	};
	static struct frame in;
	static struct run r;

	if (!harness_assigns())
		skip();
	packet_build(ack, &in);
	harness_run(&in, &r);
	if (!expect_run(what, &in, &r, XDP_PASS, REASON_admitted, NULL))
		return 1;
	if (r.meta_len != sizeof(want)) {
		fprintf(stderr, "%s: expected %zu bytes of metadata, got %u\n",
			what, sizeof(want), r.meta_len);
		return 1;
	}
	return meta_diff(what, &want, &r.meta);
}

/* The metadata must hold what the cookie encodes, not what the SYN offered. */
static unsigned run_mark(const char *what, const struct spec *syn,
			 const struct handshake *hs,
			 const struct handshake *kept)
{
	struct handshake rounded, again = *hs;
	struct spec ack = synack_ack(syn, hs, &rounded);

	return run_ack(what, &ack, kept, synack_cookie(syn, &again).tsval);
}

#define NONE WSCALE_NONE

/* mss, wscale, sack, ecn, ts: negotiated, and what the cookie keeps */
static const struct {
	const char *what;
	struct handshake hs, kept4, kept6;
} meta_rows[] = {
	{ "Linux",
	  { 1460, 7, 1, 0, 1 },
	  { 1460, 7, 1, 0, 1 },
	  { 1460, 7, 1, 0, 1 } },
	{ "Linux, ECN",
	  { 1460, 7, 1, 1, 1 },
	  { 1460, 7, 1, 1, 1 },
	  { 1460, 7, 1, 1, 1 } },
	{ "timestamps, no SACK, no scale",
	  { 1220, NONE, 0, 0, 1 },
	  { 1220, NONE, 0, 0, 1 },
	  { 1220, NONE, 0, 0, 1 } },
	{ "jumbo, scale 14",
	  { 9000, 14, 1, 0, 1 },
	  { 9000, 14, 1, 0, 1 },
	  { 9000, 14, 1, 0, 1 } },
	{ "tunnel, scale 0",
	  { 1399, 0, 1, 0, 1 },
	  { 1399, 0, 1, 0, 1 },
	  { 1399, 0, 1, 0, 1 } },
	{ "Windows",
	  { 1460, 8, 1, 0, 0 },
	  { 1460, 8, 1, 0, 0 },
	  { 1440, 8, 1, 0, 0 } },
	{ "Windows, ECN",
	  { 1460, 8, 1, 1, 0 },
	  { 1460, 8, 1, 1, 0 },
	  { 1440, 8, 1, 1, 0 } },
	{ "SACK, scale 5 rounded down",
	  { 1460, 5, 1, 0, 0 },
	  { 1460, 4, 1, 0, 0 },
	  { 1440, 4, 1, 0, 0 } },
	{ "MSS 1300 without timestamps",
	  { 1300, 8, 1, 0, 0 },
	  { 1300, 8, 1, 0, 0 },
	  { 1300, 8, 1, 0, 0 } },
	{ "Windows, an MTU of 1280",
	  { 1240, 8, 1, 0, 0 },
	  { 1220, 8, 1, 0, 0 },
	  { 1220, 8, 1, 0, 0 } },
	{ "no options",
	  { 1220, NONE, 0, 0, 0 },
	  { 1220, NONE, 0, 0, 0 },
	  { 1220, NONE, 0, 0, 0 } },
	{ "MSS and ECN only",
	  { 1460, NONE, 0, 1, 0 },
	  { 1220, NONE, 0, 1, 0 },
	  { 1300, NONE, 0, 1, 0 } },
	{ "a tunnel's MSS only",
	  { 1300, 0, 0, 0, 0 },
	  { 1220, 0, 0, 0, 0 },
	  { 1300, 0, 0, 0, 0 } },
};

static void meta(void **state)
{
	unsigned i, bad = 0;

	(void)state;
	for (i = 0; i < sizeof(meta_rows) / sizeof(meta_rows[0]); i++) {
		sessions_clear();
		bad += run_mark(meta_rows[i].what, &syn4, &meta_rows[i].hs,
				&meta_rows[i].kept4);
		bad += run_mark(meta_rows[i].what, &syn6, &meta_rows[i].hs,
				&meta_rows[i].kept6);
	}
	assert_int_equal(bad, 0);
}

/*
 * Timestamps are stripped from the SYN-ACK or the ACK, or rewritten: what is
 * left is the profile, and who sends timestamps gets them.
 */
static void mark_of_profile(void **state)
{
	static const struct handshake offer = { 1399, 9, 1, 0, 1 };
	static const struct spec *const syns[] = { &syn4, &syn6 };
	unsigned i, bad = 0;

	(void)state;
	for (i = 0; i < 2; i++) {
		struct handshake hs = offer;
		uint32_t tsval = synack_cookie(syns[i], &hs).tsval;
		struct handshake bare = { 1360, 8, 1, 0, 0 };
		struct spec ack = synack_ack(syns[i], &offer, &hs);

		sessions_clear();
		ack.opts = NULL;
		bad += run_ack("stripped", &ack, &bare, 0);
		sessions_clear();
		bare.ts = 1;
		ack.opts = "nop nop ts:5000:0";
		bad += run_ack("TSecr 0", &ack, &bare, tsval | 0xfffff);
	}
	assert_int_equal(bad, 0);
}

/* Timestamps in the ACK that the kernel would refuse: nobody wanted any. */
static void mark_without_timestamps(void **state)
{
	struct handshake kept;
	struct spec ack = synack_ack(&syn4, &with_ts, &kept);

	(void)state;
	harness.cfg.flags &= ~SETTING_TS;
	harness_settings();
	kept.ts = 0;
	assert_int_equal(run_ack("tcp_timestamps = 0", &ack, &kept, 0), 0);
}

static void mark_again(void **state)
{
	struct tuple t = sessions_tuple(&syn4);
	unsigned bad = 0;

	(void)state;
	bad += run_mark("first", &syn4, &with_ts, &with_ts);
	sessions_age(&t);
	bad += run_mark("retransmitted", &syn4, &with_ts, &with_ts);
	assert_int_equal(bad, 0);
}

static void no_mark_unless_admitted(void **state)
{
	struct spec s = { .flags = ACK };
	static struct frame in;
	static struct run r;

	(void)state;
	sessions_put_state(&s, SESSION_ESTABLISHED);
	packet_build(&s, &in);
	harness_run(&in, &r);
	assert_int_equal(r.reason, REASON_session);
	assert_int_equal(r.meta_len, 0);
	s.dport = 80;
	packet_build(&s, &in);
	harness_run(&in, &r);
	assert_int_equal(r.reason, REASON_no_service);
	assert_int_equal(r.meta_len, 0);
}

static void no_metadata(void **state)
{
	struct handshake kept;
	struct spec s = synack_ack(&syn4, &with_ts, &kept);
	static struct frame in;
	static struct run r;

	(void)state;
	if (!harness_assigns())
		skip();
	harness.cfg.flags |= SETTING_NO_META;
	harness_settings();
	packet_build(&s, &in);
	harness_run(&in, &r);
	assert_true(
		expect_run("ACK", &in, &r, XDP_PASS, REASON_admitted, NULL));
	assert_int_equal(r.meta_len, 0);
}

#define TEST(name)                                                     \
	cmocka_unit_test_setup_teardown(name, harness_setup_listening, \
					harness_teardown)

static const struct CMUnitTest tests[] = {
	TEST(meta),
	TEST(mark_of_profile),
	TEST(mark_without_timestamps),
	TEST(mark_again),
	TEST(no_mark_unless_admitted),
	TEST(no_metadata),
};

TEST_MAIN(tests)
