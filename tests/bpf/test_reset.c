// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: the RST for an unmatched ACK, if configured, byte by
 * byte, and its rate limit.
 */
#include <linux/bpf.h>
#include <stdio.h>

#include "netns.h"
#include "synack.h"
#include "testmain.h"

static void answered_with_reset(void **state)
{
	static const struct spec rows[] = {
		{ .flags = ACK },
		{ .flags = ACK, .opts = "nop nop ts:1:2" },
		{ .flags = ACK | PSH, .data = 1000 },
		{ .flags = FIN | ACK, .pad = true },
		{ .flags = ACK, .vlan = "q", .ip_opts = 8 },
		{ .flags = ACK, .v6 = true, .data = 10 },
		{ .flags = ACK, .v6 = true, .ext = "h" },
	};
	static struct frame in, out;
	unsigned i, bad = 0;
	char what[32];

	(void)state;
	harness.cfg.resets_per_second = 1000000;
	harness_settings();
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct spec s = rows[i];

		s.seq = 1000;
		s.ack = 0xabcdef01;
		packet_build(&s, &in);
		synack_reset(&s, &in, &out);
		snprintf(what, sizeof(what), "reset of row %u", i);
		bad += !expect(what, &in, XDP_TX, REASON_reset, &out);
	}
	assert_int_equal(bad, 0);
}

/* Twelve in quick succession, within at most two different seconds. */
static void resets_are_limited(void **state)
{
	static struct frame in;
	static struct run r;
	unsigned i, resets = 0;

	(void)state;
	harness.cfg.resets_per_second = 3;
	harness_settings();
	packet_build(&(struct spec){ .flags = ACK, .ack = 1 }, &in);
	for (i = 0; i < 12; i++) {
		harness_run(&in, &r);
		assert_int_equal(r.reason, r.verdict == XDP_TX
						   ? REASON_reset
						   : REASON_bad_cookie);
		resets += r.verdict == XDP_TX;
	}
	assert_in_range(resets, 3, 6);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test_setup(answered_with_reset, harness_setup),
	cmocka_unit_test_setup(resets_are_limited, harness_setup),
};

TEST_MAIN(tests)
