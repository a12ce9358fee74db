// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: valid packets, modified, truncated and extended by a
 * fixed-seed generator. For each: exactly one reason is counted, the verdict is
 * that of the reason, a packet that passes is unchanged, and an answer is a
 * valid packet at most four bytes longer than the SYN.
 */
#include <linux/bpf.h>
#include <stdio.h>

#include "harness.h"
#include "netns.h"
#include "rnd.h"
#include "testmain.h"

enum { ROUNDS = 30000 };

static const uint32_t actions[REASON_COUNT] = {
	XDP_ABORTED, /* none: no packet may be without a reason */
#define REASON(name, action, ...) XDP_##action,
#include "synkeeper/reason_table.h"
};

static const struct spec seeds[] = {
	{ .flags = SYN, .opts = "mss:1460 sack ts:9:0 nop ws:7" },
	{ .flags = SYN, .opts = "mss:1460 nop ws:8 nop nop sack" },
	{ .flags = SYN, .opts = "sack ts:9:0 mss:1460 x:fd06aabbccdd ws:7" },
	{ .flags = SYN, .pad = true },
	{ .flags = SYN, .data = 300, .ip_opts = 12 },
	{ .flags = SYN, .vlan = "aq", .opts = "mss:1460" },
	{ .flags = SYN, .v6 = true, .opts = "mss:1440 sack ts:9:0 nop ws:7" },
	{ .flags = SYN, .v6 = true, .ext = "hdrd", .opts = "mss:1440" },
	{ .flags = SYN, .v6 = true, .ext = "s" },
	{ .flags = ACK, .opts = "nop nop ts:1:2", .data = 40 },
	{ .flags = ACK, .v6 = true, .opts = "ts:1:2 nop nop" },
	{ .flags = RST },
	{ .flags = SYN | ACK, .vlan = "q" },
	{ .frag = 0x2000, .flags = ACK, .data = 64 },
};

enum { SEEDS = sizeof(seeds) / sizeof(seeds[0]) };

/* Changes a few bytes, most of them in the headers; cuts or stretches. */
static void mutate(struct frame *f)
{
	static const uint8_t values[] = { 0,	1,    2,    4,	  5,
					  6,	8,    0x0f, 0x44, 0x45,
					  0x60, 0x7f, 0x80, 0xff };
	unsigned n = rnd() % 5, size;

	while (n--) {
		unsigned at = rnd() % (rnd() & 7 ? 64 : f->len);

		if (at >= f->len)
			continue;
		f->data[at] = rnd() & 1 ? rnd()
					: values[rnd() % sizeof(values)];
	}
	if (rnd() % 4)
		return;
	size = rnd() & 1 ? 14 + rnd() % f->len : f->len + rnd() % 64;
	if (size > f->len)
		memset(f->data + f->len, 0xee, size - f->len);
	f->len = size;
}

static bool holds(const char *what, const struct frame *in, const struct run *r)
{
	const char *wrong = NULL;

	if (r->reason == REASON_NONE)
		wrong = "no reason was counted";
	else if (r->verdict != actions[r->reason])
		wrong = "the verdict is not the reason's";
	else if (r->verdict == XDP_PASS &&
		 (r->len != in->len || memcmp(r->data, in->data, r->len)))
		wrong = "it passed, but changed";
	else if (r->verdict == XDP_TX && !packet_valid(r->data, r->len))
		wrong = "the answer is not valid";
	else if (r->verdict == XDP_TX && r->len > in->len + 4)
		wrong = "the answer is more than an MSS option longer";
	if (!wrong)
		return true;
	fprintf(stderr, "%s: %s; verdict %u, reason %s\n", what, wrong,
		r->verdict, reason_name(r->reason));
	packet_dump("\tpacket in", in->data, in->len);
	packet_dump("\tpacket out", r->data, r->len);
	return false;
}

static void fuzz(unsigned rounds)
{
	static struct frame in;
	static struct run r;
	unsigned round, bad = 0, counted[REASON_COUNT] = { 0 };
	char what[32];

	for (round = 0; round < rounds && bad < 5; round++) {
		packet_build(&seeds[rnd() % SEEDS], &in);
		mutate(&in);
		snprintf(what, sizeof(what), "round %u", round);
		r.linear = r.ifindex = 0;
		harness_run(&in, &r);
		bad += !holds(what, &in, &r);
		counted[r.reason]++;
	}
	assert_int_equal(bad, 0);
	/* else the generator covers too little */
	assert_true(counted[REASON_not_tcp] > rounds / 100);
	assert_true(counted[REASON_answered] > rounds / 10);
	assert_true(counted[REASON_bad_header] > rounds / 200);
}

static void mutated(void **state)
{
	(void)state;
	netns_listen(false, 443);
	netns_listen(true, 443);
	fuzz(ROUNDS);
}

static void mutated_with_resets(void **state)
{
	(void)state;
	harness.cfg.resets_per_second = 1000000;
	harness_settings();
	fuzz(ROUNDS / 3);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test_setup_teardown(mutated, harness_setup,
					harness_teardown),
	cmocka_unit_test_setup_teardown(mutated_with_resets, harness_setup,
					harness_teardown),
};

TEST_MAIN(tests)
