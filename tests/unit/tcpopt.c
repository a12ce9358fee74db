/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: tcpopt_step(), in a plain loop, over a table of options
 * with expected results, and over millions of random ones compared with a
 * second parser, which reads the exact bytes from the heap according to RFC
 * 9293. Bytes after the options are garbage in every walk: they must not
 * matter.
 */
#include "testmain.h"

#include "random.h"
#include "synkeeper/tcpopt.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define O(s)	      (const uint8_t *)(s), sizeof(s) - 1
#define NONE	      WSCALE_NONE

struct option_case {
	const char *name;
	const uint8_t *bytes;
	size_t len;
	struct tcp_opts want; /* tsval, tsecr, mss, wscale, sack, ts, asks */
};

#define MSS_1460 "\2\4\5\xb4"
#define WS_7	 "\3\3\7"
#define SACK	 "\4\2"
#define TS_12	 "\x8\xa\0\0\0\1\0\0\0\2" /* TSval 1, TSecr 2 */
#define NOP4	 "\1\1\1\1"
#define NOP16	 NOP4 NOP4 NOP4 NOP4

static const struct option_case cases[] = {
	{ "no options", O(""), { 0, 0, 0, NONE, 0, 0 } },
	/* each alone */
	{ "MSS", O(MSS_1460), { 0, 0, 1460, NONE, 0, 0 } },
	{ "MSS 65535", O("\2\4\xff\xff"), { 0, 0, 65535, NONE, 0, 0 } },
	{ "MSS 0", O("\2\4\0\0"), { 0, 0, 0, NONE, 0, 0 } },
	{ "window scale", O(WS_7), { 0, 0, 0, 7, 0, 0 } },
	{ "window scale 0", O("\3\3\0"), { 0, 0, 0, 0, 0, 0 } },
	{ "window scale 14", O("\3\3\xe"), { 0, 0, 0, 14, 0, 0 } },
	{ "window scale 15", O("\3\3\xf"), { 0, 0, 0, 14, 0, 0 } },
	{ "window scale 255", O("\3\3\xff"), { 0, 0, 0, 14, 0, 0 } },
	{ "SACK", O(SACK), { 0, 0, 0, NONE, 1, 0 } },
	{ "timestamps", O(TS_12), { 1, 2, 0, NONE, 0, 1 } },
	{ "timestamps, each byte its own",
	  O("\x8\xa\x81\x82\x83\x84\x85\x86\x87\x88"),
	  { 0x81828384, 0x85868788, 0, NONE, 0, 1 } },
	/* as systems send them */
	{ "Linux", O(MSS_1460 SACK TS_12 "\1" WS_7), { 1, 2, 1460, 7, 1, 1 } },
	{ "Windows", O(MSS_1460 "\1\3\3\x8\1\1" SACK), { 0, 0, 1460, 8, 1, 0 } },
	{ "macOS",
	  O(MSS_1460 "\1\3\3\6\1\1" TS_12 SACK "\0\0"),
	  { 1, 2, 1460, 6, 1, 1 } },
	{ "FreeBSD",
	  O(MSS_1460 "\1\3\3\6" SACK TS_12),
	  { 1, 2, 1460, 6, 1, 1 } },
	{ "an ACK of Linux", O("\1\1" TS_12), { 1, 2, 0, NONE, 0, 1 } },
	/* other orders */
	{ "reversed", O(WS_7 TS_12 SACK MSS_1460), { 1, 2, 1460, 7, 1, 1 } },
	{ "SACK first", O(SACK MSS_1460 WS_7), { 0, 0, 1460, 7, 1, 0 } },
	{ "timestamps first", O(TS_12 MSS_1460), { 1, 2, 1460, NONE, 0, 1 } },
	/* NOP and EOL */
	{ "only NOP", O(NOP4), { 0, 0, 0, NONE, 0, 0 } },
	{ "40 NOP", O(NOP16 NOP16 NOP4 NOP4), { 0, 0, 0, NONE, 0, 0 } },
	{ "MSS behind 36 NOP",
	  O(NOP16 NOP16 NOP4 MSS_1460),
	  { 0, 0, 1460, NONE, 0, 0 } },
	{ "NOP between all",
	  O("\1" SACK "\1\1" WS_7 "\1" MSS_1460 "\1"),
	  { 0, 0, 1460, 7, 1, 0 } },
	{ "EOL first", O("\0" MSS_1460), { 0, 0, 0, NONE, 0, 0 } },
	{ "EOL that a length follows",
	  O("\0\2" MSS_1460),
	  { 0, 0, 0, NONE, 0, 0 } },
	{ "EOL between", O(SACK "\0" MSS_1460 WS_7), { 0, 0, 0, NONE, 1, 0 } },
	{ "EOL after NOP", O("\1\1\1\0" MSS_1460), { 0, 0, 0, NONE, 0, 0 } },
	/* unknown options are skipped by their length (MUST-6) */
	{ "kind 99 first",
	  O("\x63\5\0\0\0" MSS_1460),
	  { 0, 0, 1460, NONE, 0, 0 } },
	{ "kind 255 of length 2", O("\xff\2" WS_7), { 0, 0, 0, 7, 0, 0 } },
	{ "what looks like MSS inside kind 99",
	  O("\x63\6" MSS_1460 WS_7),
	  { 0, 0, 0, 7, 0, 0 } },
	{ "kind 99 of 40",
	  O("\x63\x28" NOP16 NOP16 NOP4 "\1\1"),
	  { 0, 0, 0, NONE, 0, 0 } },
	/* what only the kernel can answer is noted, whatever is in it */
	{ "Fast Open, empty",
	  O("\x22\2" MSS_1460),
	  { 0, 0, 1460, NONE, 0, 0, OPTS_FAST_OPEN } },
	{ "Fast Open with a cookie",
	  O(MSS_1460 "\x22\xa\2\4\3\3\4\2\x8\xa" WS_7),
	  { 0, 0, 1460, 7, 0, 0, OPTS_FAST_OPEN } },
	{ "Fast Open beyond the end",
	  O(MSS_1460 "\x22\xa\2"),
	  { 0, 0, 1460, NONE, 0, 0 } },
	{ "Fast Open, experimental",
	  O("\xfe\4\xf9\x89" WS_7),
	  { 0, 0, 0, 7, 0, 0, OPTS_FAST_OPEN } },
	{ "Fast Open, experimental, with a cookie",
	  O("\xfe\xc\xf9\x89\1\2\3\4\5\6\7\x8" WS_7),
	  { 0, 0, 0, 7, 0, 0, OPTS_FAST_OPEN } },
	{ "another experiment", O("\xfe\4\xf9\x88" WS_7), { 0, 0, 0, 7, 0, 0 } },
	{ "the number is of another option",
	  O("\xfe\3\xf9\x89\2"),
	  { 0, 0, 0, NONE, 0, 0 } },
	{ "SACK blocks",
	  O("\5\xa\2\4\5\xb4\3\3\7\1" TS_12),
	  { 1, 2, 0, NONE, 0, 1 } },
	{ "MPTCP", O("\x1e\4\1\x81" MSS_1460), { 0, 0, 1460, NONE, 0, 0 } },
	{ "MD5",
	  O("\x13\x12" NOP16 SACK),
	  { 0, 0, 0, NONE, 1, 0, OPTS_SIGNED } },
	{ "AO", O("\x1d\4\1\1" SACK), { 0, 0, 0, NONE, 1, 0, OPTS_SIGNED } },
	{ "AO and Fast Open",
	  O("\x1d\4\1\1\x22\2"),
	  { 0, 0, 0, NONE, 0, 0, OPTS_SIGNED | OPTS_FAST_OPEN } },
	/* a known kind with a wrong length is ignored and skipped */
	{ "MSS of length 3", O("\2\3\5" WS_7), { 0, 0, 0, 7, 0, 0 } },
	{ "MSS of length 5", O("\2\5\5\xb4\0" WS_7), { 0, 0, 0, 7, 0, 0 } },
	{ "window scale of length 2", O("\3\2" SACK), { 0, 0, 0, NONE, 1, 0 } },
	{ "window scale of length 4",
	  O("\3\4\7\7" SACK),
	  { 0, 0, 0, NONE, 1, 0 } },
	{ "SACK of length 3", O("\4\3\0" WS_7), { 0, 0, 0, 7, 0, 0 } },
	{ "timestamps of length 9",
	  O("\x8\x9\0\0\0\1\0\0\0" WS_7),
	  { 0, 0, 0, 7, 0, 0 } },
	{ "timestamps of length 11",
	  O("\x8\xb\0\0\0\1\0\0\0\2\0" WS_7),
	  { 0, 0, 0, 7, 0, 0 } },
	/* illegal lengths end the walk (MUST-7), earlier options stay valid */
	{ "length 0", O(SACK "\x63\0" MSS_1460), { 0, 0, 0, NONE, 1, 0 } },
	{ "length 1", O(SACK "\x63\1" MSS_1460), { 0, 0, 0, NONE, 1, 0 } },
	{ "MSS of length 0", O("\2\0\5\xb4" SACK), { 0, 0, 0, NONE, 0, 0 } },
	{ "SACK of length 1", O(WS_7 "\4\1" MSS_1460), { 0, 0, 0, 7, 0, 0 } },
	{ "length one beyond the end",
	  O(SACK "\x63\4\0"),
	  { 0, 0, 0, NONE, 1, 0 } },
	{ "length 255",
	  O(MSS_1460 "\x63\xff" SACK),
	  { 0, 0, 1460, NONE, 0, 0 } },
	{ "length 62, which wraps the mask",
	  O(SACK "\x63\x3e" MSS_1460),
	  { 0, 0, 0, NONE, 1, 0 } },
	{ "kind without a length",
	  O(MSS_1460 "\x8"),
	  { 0, 0, 1460, NONE, 0, 0 } },
	{ "half an MSS", O(SACK "\2\4\5"), { 0, 0, 0, NONE, 1, 0 } },
	{ "half a window scale", O(SACK "\3\3"), { 0, 0, 0, NONE, 1, 0 } },
	{ "half timestamps",
	  O(WS_7 "\x8\xa\0\0\0\1\0\0\0"),
	  { 0, 0, 0, 7, 0, 0 } },
	/* twice: the last one wins */
	{ "MSS twice", O(MSS_1460 "\2\4\2\x18"), { 0, 0, 536, NONE, 0, 0 } },
	{ "window scale twice", O(WS_7 "\3\3\2"), { 0, 0, 0, 2, 0, 0 } },
	{ "SACK twice", O(SACK SACK), { 0, 0, 0, NONE, 1, 0 } },
	{ "timestamps twice",
	  O(TS_12 "\x8\xa\0\0\0\3\0\0\0\4"),
	  { 3, 4, 0, NONE, 0, 1 } },
	{ "40 bytes full",
	  O(MSS_1460 SACK TS_12 "\1" WS_7 "\x63\x14" NOP16 "\1\1"),
	  { 1, 2, 1460, 7, 1, 1 } },
	{ "20 options in 40 bytes",
	  O(SACK SACK SACK SACK SACK SACK SACK SACK SACK SACK SACK SACK SACK
		    SACK SACK SACK SACK SACK SACK SACK),
	  { 0, 0, 0, NONE, 1, 0 } },
};

struct text {
	char s[160];
};

static struct text text_of(const struct tcp_opts *o)
{
	struct text t;

	snprintf(t.s, sizeof(t.s),
		 "mss %u wscale %u sack %u ts %u %08x %08x asks %u", o->mss,
		 o->wscale, o->sack, o->ts, o->tsval, o->tsecr, o->asks);
	return t;
}

static struct text hex_of(const uint8_t *p, size_t len)
{
	struct text t = {};
	size_t i;

	for (i = 0; i < len && i < TCPOPT_MAX_LEN; i++)
		snprintf(t.s + 3 * i, 4, "%02x ", p[i]);
	return t;
}

static bool same(const struct tcp_opts *a, const struct tcp_opts *b)
{
	return a->tsval == b->tsval && a->tsecr == b->tsecr &&
	       a->mss == b->mss && a->wscale == b->wscale &&
	       a->sack == b->sack && a->ts == b->ts && a->asks == b->asks;
}

/* Walks @bytes as the BPF side does, with @garbage behind them. */
static struct tcp_opts walk(const char *name, const uint8_t *bytes, size_t len,
			    const uint8_t *garbage)
{
	struct tcpopt_walk w = { .len = len };
	uint32_t i, before;

	memcpy(w.buf, garbage, sizeof(w.buf));
	memcpy(w.buf, bytes, len);
	tcp_opts_init(&w.opts);
	for (i = 0; i < TCPOPT_MAX_LEN; i++) {
		before = w.pos;
		if (tcpopt_step(&w))
			break;
		if (w.pos <= before || w.pos > len)
			fail_msg("%s (%s): expected a step from %u to within "
				 "%zu, got %u",
				 name, hex_of(bytes, len).s, before, len,
				 w.pos);
	}
	before = w.pos;
	if (!tcpopt_step(&w) || w.pos != before)
		fail_msg("%s (%s): expected the walk over after 40 steps, "
			 "at %u of %zu it goes on",
			 name, hex_of(bytes, len).s, before, len);
	if (memcmp(w.buf, bytes, len) ||
	    memcmp(w.buf + len, garbage + len, sizeof(w.buf) - len))
		fail_msg("%s (%s): expected the options untouched", name,
			 hex_of(bytes, len).s);
	return w.opts;
}

/* The second parser: consumes its input from the front. */
static struct tcp_opts parse(const uint8_t *p, size_t left)
{
	struct tcp_opts o = { .wscale = NONE };
	uint32_t v;

	while (left && p[0] != 0) {
		size_t n = p[0] == 1 ? 1 : left < 2 ? 0 : p[1];

		if (n == 0 || n > left || (n == 1 && p[0] != 1))
			break;
		if (p[0] == 0x22 ||
		    (p[0] == 0xfe && n >= 4 && p[2] == 0xf9 && p[3] == 0x89))
			o.asks |= OPTS_FAST_OPEN;
		if (p[0] == 0x13 || p[0] == 0x1d)
			o.asks |= OPTS_SIGNED;
		switch (p[0] << 8 | n) {
		case 0x0204:
			o.mss = p[2] * 256 + p[3];
			break;
		case 0x0303:
			o.wscale = p[2] < 14 ? p[2] : 14;
			break;
		case 0x0402:
			o.sack = 1;
			break;
		case 0x080a:
			o.ts = 1;
			memcpy(&v, p + 2, 4);
			o.tsval = be32toh(v);
			memcpy(&v, p + 6, 4);
			o.tsecr = be32toh(v);
			break;
		}
		p += n;
		left -= n;
	}
	return o;
}

static void expect(const char *name, const uint8_t *bytes, size_t len,
		   const struct tcp_opts *want)
{
	/* EOL and NOP; kinds and lengths that lead on and on, or far out */
	static const uint8_t fill[] = { 0, 1, 2, 0xff };
	uint8_t garbage[TCPOPT_BUF_LEN];
	size_t i;

	for (i = 0; i < sizeof(fill); i++) {
		struct tcp_opts got;

		memset(garbage, fill[i], sizeof(garbage));
		got = walk(name, bytes, len, garbage);
		if (!same(&got, want))
			fail_msg("%s (%s) before bytes %02x: expected %s, "
				 "got %s",
				 name, hex_of(bytes, len).s, fill[i],
				 text_of(want).s, text_of(&got).s);
	}
}

static void expect_as_parse(const char *name, const uint8_t *bytes, size_t len)
{
	uint8_t *exact = malloc(len ? len : 1); /* for ASan's sake */
	struct tcp_opts want;

	assert_non_null(exact);
	memcpy(exact, bytes, len);
	want = parse(exact, len);
	free(exact);
	expect(name, bytes, len, &want);
}

static void table(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++)
		expect(cases[i].name, cases[i].bytes, cases[i].len,
		       &cases[i].want);
}

static void second_parser_agrees_with_table(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct tcp_opts got = parse(cases[i].bytes, cases[i].len);

		if (!same(&got, &cases[i].want))
			fail_msg("%s: expected %s, the test's parser got %s",
				 cases[i].name, text_of(&cases[i].want).s,
				 text_of(&got).s);
	}
}

/* Each row of the table, truncated at every byte. */
static void truncated(void **state)
{
	size_t i, len;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++)
		for (len = 0; len < cases[i].len; len++)
			expect_as_parse(cases[i].name, cases[i].bytes, len);
}

/* Every kind with every length, first, with much or little after it. */
static void every_kind_and_length(void **state)
{
	static const size_t lens[] = { 1, 2, 3, 4, 10, 11, 39, 40 };
	uint8_t buf[TCPOPT_MAX_LEN];
	struct random r = { 1 };
	uint32_t n, i;

	(void)state;
	for (n = 0; n < 0x10000; n++) {
		random_bytes(&r, buf, sizeof(buf));
		buf[0] = n >> 8;
		buf[1] = n;
		for (i = 0; i < ARRAY_SIZE(lens); i++)
			expect_as_parse("kind and length", buf, lens[i]);
	}
}

static void random_buffers(void **state)
{
	uint8_t buf[TCPOPT_MAX_LEN];
	struct random r = { 2 };
	int i;

	(void)state;
	for (i = 0; i < 1000000; i++) {
		random_bytes(&r, buf, sizeof(buf));
		expect_as_parse("random bytes", buf, random_below(&r, 41));
	}
}

/* Mostly well-formed options, so that walks get far, with random bytes. */
static void random_options(void **state)
{
	static const uint8_t right[16] = { 1,  1, 4, 3, 2, 10, 6, 6,
					   10, 2, 3, 5, 8, 2,  4, 12 };
	uint8_t buf[TCPOPT_MAX_LEN + 256];
	struct random r = { 3 };
	uint32_t i, pos, kind;

	(void)state;
	for (i = 0; i < 2000000; i++) {
		random_bytes(&r, buf, TCPOPT_MAX_LEN);
		for (pos = 0; pos < TCPOPT_MAX_LEN;) {
			kind = random_below(&r, 64) ? random_below(&r, 15) + 1
						    : 0;
			buf[pos] = kind;
			buf[pos + 1] = random_below(&r, 32)
					       ? right[kind]
					       : random_below(&r, 44);
			pos += kind < 2 ? 1 : right[kind];
		}
		expect_as_parse("random options", buf, random_below(&r, 41));
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(table),
	cmocka_unit_test(second_parser_agrees_with_table),
	cmocka_unit_test(truncated),
	cmocka_unit_test(every_kind_and_length),
	cmocka_unit_test(random_buffers),
	cmocka_unit_test(random_options),
};

TEST_MAIN(tests)
