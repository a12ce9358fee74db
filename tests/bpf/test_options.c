// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: TCP options outside of the common layouts, and a
 * comparison of the fast path for those layouts with the general parser:
 * headers from a fixed-seed generator, read by the program and by the plain
 * loop of include/synkeeper/tcpopt.h.
 */
#include <linux/bpf.h>
#include <stdio.h>

#include "opttext.h"
#include "rnd.h"
#include "synack.h"
#include "testmain.h"

#define NONE WSCALE_NONE

struct row {
	const char *opts;
	struct handshake hs; /* mss, wscale, sack, ecn, ts */
	const char *out;
};

static void run_row(const struct row *row, unsigned *bad)
{
	static struct frame in, out;
	struct spec syn = { .flags = SYN, .opts = row->opts };
	struct answer_spec a = { .hs = row->hs, .opts = row->out };

	packet_build(&syn, &in);
	synack_build(&syn, &in, &a, &out);
	*bad += !expect(row->opts, &in, XDP_TX, REASON_answered, &out);
}

static void run_rows(const struct row *rows, size_t n)
{
	unsigned bad = 0;

	for (; n--; rows++)
		run_row(rows, &bad);
	assert_int_equal(bad, 0);
}

#define RUN(rows) run_rows(rows, sizeof(rows) / sizeof((rows)[0]))

static const char all[] = "mss:1460 sack ts:COOKIE:9 nop ws:9";

static void any_order(void **state)
{
	static const char *const part[] = { "mss:1400", "sack", "ts:9:0",
					    "ws:7" };
	static const char *const gap[] = { "", "nop", "nop nop", "x:fd04beef" };
	unsigned i, j, k, g, bad = 0;
	char opts[128];

	(void)state;
	for (i = 0; i < 4 * 4 * 4 * 4; i++) {
		g = i & 3;
		j = i >> 2 & 3;
		k = i >> 4 & 3;
		if (i >> 6 == j || i >> 6 == k || j == k)
			continue;
		snprintf(opts, sizeof(opts), "%s %s %s %s %s %s", part[i >> 6],
			 gap[g], part[j], gap[g], part[k],
			 part[6 - (i >> 6) - j - k]);
		run_row(&(struct row){ opts, { 1400, 7, 1, 0, 1 }, all }, &bad);
	}
	assert_int_equal(bad, 0);
}

static void unknown_options_are_skipped(void **state)
{
	static const struct row rows[] = {
		{ "x:fe06f98900aa mss:1460 sack ts:9:0 nop ws:7",
		  { 1460, 7, 1, 0, 1 },
		  all },
		{ "mss:1460 x:1e0c00010000000000000000 sack ts:9:0 ws:7",
		  { 1460, 7, 1, 0, 1 }, /* MPTCP */
		  all },
		{ "x:fd02 x:fd02 x:fd02 mss:1460 ws:7",
		  { 1460, 7 },
		  "mss:1460 nop ws:9" },
		{ "x:fd28ffffffffffffffffffffffffffffffffffffff"
		  "ffffffffffffffffffffffffffffffffffffff",
		  { 536, NONE },
		  "mss:1460" },
	};

	(void)state;
	RUN(rows);
}

static void illegal_lengths_end_the_walk(void **state)
{
	static const struct row rows[] = {
		{ "mss:1460 x:0800 ws:7", { 1460, NONE }, "mss:1460" },
		{ "mss:1460 x:0801 ws:7", { 1460, NONE }, "mss:1460" },
		{ "x:0200 mss:1460", { 536, NONE }, "mss:1460" },
		{ "mss:1460 ws:7 x:fd", { 1460, 7 }, "mss:1460 nop ws:9" },
		{ "mss:1460 ws:7 x:02", { 1460, 7 }, "mss:1460 nop ws:9" },
		{ "mss:1460 nop nop x:0204", { 1460, NONE }, "mss:1460" },
		{ "nop nop nop nop nop x:080a00", { 536, NONE }, "mss:1460" },
		{ "mss:1460 x:fd05 nop nop", { 1460, NONE }, "mss:1460" },
		{ "mss:1460 x:fdff ws:7 nop", { 1460, NONE }, "mss:1460" },
		{ "x:ffffffff", { 536, NONE }, "mss:1460" },
		{ "eol mss:1460 ws:7", { 536, NONE }, "mss:1460" },
		{ "mss:1460 eol ws:7", { 1460, NONE }, "mss:1460" },
	};
	/* a known option with another length is an unknown option */
	static const struct row lengths[] = {
		{ "x:020305 mss:1300 nop", { 1300, NONE }, "mss:1460" },
		{ "x:02050500ff mss:1300", { 1300, NONE }, "mss:1460" },
		{ "mss:1460 x:0302", { 1460, NONE }, "mss:1460" },
		{ "mss:1460 x:03040707", { 1460, NONE }, "mss:1460" },
		{ "mss:1460 x:040300 nop", { 1460, NONE }, "mss:1460" },
		{ "mss:1460 x:0809000000010000 x:00 nop nop nop",
		  { 1460, NONE },
		  "mss:1460" },
		{ "mss:1460 x:080b000000010000000000 nop",
		  { 1460, NONE },
		  "mss:1460" },
	};

	(void)state;
	RUN(rows);
	RUN(lengths);
}

static void doubled_options(void **state)
{
	static const struct row rows[] = {
		{ "mss:1460 mss:1300", { 1300, NONE }, "mss:1460" },
		{ "mss:1460 nop ws:2 nop ws:8",
		  { 1460, 8 },
		  "mss:1460 nop ws:9" },
		{ "mss:1460 nop nop ts:1:0 nop nop ts:2:0",
		  { 1460, NONE, 0, 0, 1 },
		  "mss:1460 nop nop ts:COOKIE:2" },
		{ "mss:0", { 536, NONE }, "mss:1460" },
	};

	(void)state;
	RUN(rows);
}

static void every_length(void **state)
{
	uint8_t nops[OPTS_MAX], zeros[OPTS_MAX] = { 0 };
	static struct frame in, out;
	unsigned len, v6, bad = 0;
	char what[64];

	(void)state;
	memset(nops, 1, sizeof(nops));
	for (len = 0; len <= OPTS_MAX * 2 + 7; len += 4) {
		bool nop = len <= OPTS_MAX;
		unsigned n = nop ? len : len - OPTS_MAX - 4;

		for (v6 = 0; v6 < 2; v6++) {
			struct spec syn = { .v6 = v6,
					    .flags = SYN,
					    .raw = nop ? nops : zeros,
					    .raw_len = n };

			snprintf(what, sizeof(what), "%u bytes of %s, IPv%d", n,
				 nop ? "NOP" : "EOL", v6 ? 6 : 4);
			packet_build(&syn, &in);
			assert_true(synack_reference(&syn, &in, &out));
			bad += !expect(what, &in, XDP_TX, REASON_answered,
				       &out);
		}
	}
	assert_int_equal(bad, 0);
}

static const char *const layouts[] = {
	"mss:1460 sack ts:7777:0 nop ws:7",
	"mss:1460 nop ws:8 nop nop sack",
	"mss:1460 nop ws:6 nop nop ts:7777:0 sack eol eol",
	"mss:1460 nop ws:6 sack ts:7777:0",
	"mss:1460",
	"mss:1460 nop nop sack",
	"mss:1460 nop ws:7",
};

enum { LAYOUTS = sizeof(layouts) / sizeof(layouts[0]) };

/* A common layout with random values, and perhaps a corrupted byte. */
static unsigned near_layout(uint8_t *opts)
{
	static const uint8_t interesting[] = { 0, 1, 2, 3, 4, 8, 10, 15, 255 };
	unsigned len = opttext_parse(layouts[rnd() % LAYOUTS], opts), n;

	for (n = rnd() % 4; n; n--)
		opts[rnd() % len] = rnd() & 1 ? rnd() : interesting[rnd() % 9];
	if (rnd() % 8 == 0)
		len = (len + rnd() % 16) & ~3u; /* what follows is zero */
	return len > OPTS_MAX ? OPTS_MAX : len;
}

/* Options by grammar: known and unknown ones, mostly well formed. */
static unsigned by_grammar(uint8_t *opts)
{
	unsigned want = rnd() % 11 * 4, len = 0, i;

	while (len < want) {
		static const uint8_t kinds[] = { 0, 1, 1, 2, 3, 4, 5, 8, 34 };
		static const uint8_t lens[] = { 1, 1, 1, 4, 3, 2, 10, 10, 6 };
		unsigned k = rnd() % 9, n = lens[k];

		if (kinds[k] == 0 && rnd() % 4)
			continue;
		if (rnd() % 16 == 0)
			n = rnd() % 12;
		opts[len++] = kinds[k];
		if (kinds[k] < 2)
			continue;
		if (len < want)
			opts[len++] = n;
		for (i = 2; i < n && len < want; i++)
			opts[len++] = rnd() & 1 ? rnd() : rnd() % 16;
	}
	return want;
}

static unsigned anything(uint8_t *opts)
{
	unsigned len = rnd() % 11 * 4, i;

	for (i = 0; i < len; i++)
		opts[i] = rnd() & 1 ? rnd() : rnd() % 11;
	return len;
}

static void generated(unsigned rounds, unsigned (*make)(uint8_t *))
{
	static struct frame in, out;
	uint32_t flags = harness.cfg.flags;
	unsigned round, bad = 0;
	char what[64];

	for (round = 0; round < rounds && bad < 5; round++) {
		uint8_t opts[OPTS_MAX + 16] = { 0 };
		struct spec syn = { .flags = SYN, .raw = opts };

		syn.raw_len = make(opts);
		syn.v6 = rnd() & 1;
		syn.seq = rnd() | 1;
		syn.sport = rnd() | 1;
		if (rnd() % 4 == 0)
			syn.flags |= ECE | CWR;
		if (round % 64 == 0) {
			harness.cfg.flags = flags;
			if (rnd() & 1)
				harness.cfg.flags &= ~(rnd() & 0x78);
			harness_settings();
		}
		packet_build(&syn, &in);
		if (!synack_reference(&syn, &in, &out))
			continue;
		snprintf(what, sizeof(what), "generated header %u", round);
		bad += !expect(what, &in, XDP_TX, REASON_answered, &out);
	}
	assert_int_equal(bad, 0);
}

static void fast_path_equals_parser(void **state)
{
	(void)state;
	generated(20000, near_layout);
}

static void grammar_equals_parser(void **state)
{
	(void)state;
	generated(20000, by_grammar);
}

static void noise_equals_parser(void **state)
{
	(void)state;
	generated(10000, anything);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test_setup(any_order, harness_setup),
	cmocka_unit_test_setup(unknown_options_are_skipped, harness_setup),
	cmocka_unit_test_setup(illegal_lengths_end_the_walk, harness_setup),
	cmocka_unit_test_setup(doubled_options, harness_setup),
	cmocka_unit_test_setup(every_length, harness_setup),
	cmocka_unit_test_setup(fast_path_equals_parser, harness_setup),
	cmocka_unit_test_setup(grammar_equals_parser, harness_setup),
	cmocka_unit_test_setup(noise_equals_parser, harness_setup),
};

TEST_MAIN(tests)
