// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: compares the layouts of tcpopt_fast.h with the general
 * parser. Headers are generated from a table of what systems send, with random
 * values, then modified in a byte or two, or truncated; tcpopt_step() must
 * agree with what the fast path recognises, which must include the unmodified
 * headers.
 */
#include "testmain.h"

#include <stdlib.h>

#include "random.h"
#include "synkeeper/tcpopt_fast.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

enum { HEADERS = 4000000, ANY = 0x100 };

struct layout {
	const char *name;
	bool syn;
	unsigned len;
	uint16_t bytes[TCPOPT_MAX_LEN]; /* ANY: of random */
};

#define TS_VALUES ANY, ANY, ANY, ANY, ANY, ANY, ANY, ANY

static const struct layout layouts[] = {
	{ "no options", true, 0, { 0 } },
	{ "MSS alone", true, 4, { 2, 4, ANY, ANY } },
	{ "Linux",
	  true,
	  20,
	  { 2, 4, ANY, ANY, 4, 2, 8, 10, TS_VALUES, 1, 3, 3, ANY } },
	{ "FreeBSD",
	  true,
	  20,
	  { 2, 4, ANY, ANY, 1, 3, 3, ANY, 4, 2, 8, 10, TS_VALUES } },
	{ "Windows", true, 12, { 2, 4, ANY, ANY, 1, 3, 3, ANY, 1, 1, 4, 2 } },
	{ "macOS",
	  true,
	  24,
	  { 2, 4, ANY, ANY, 1, 3, 3, ANY, 1, 1, 8, 10, TS_VALUES, 4, 2, 0,
	    0 } },
	{ "an ACK without options", false, 0, { 0 } },
	{ "an ACK's timestamps", false, 12, { 1, 1, 8, 10, TS_VALUES } },
	{ "timestamps and a SACK block",
	  false,
	  24,
	  { 1, 1, 8, 10, TS_VALUES, 1, 1, 5, 10, TS_VALUES } },
	{ "timestamps and three SACK blocks",
	  false,
	  40,
	  { 1, 1, 8, 10, TS_VALUES, 1, 1, 5, 26, TS_VALUES, TS_VALUES,
	    TS_VALUES } },
};

static struct tcp_opts walk(const uint8_t *bytes, unsigned len)
{
	struct tcpopt_walk w = { .len = len };
	unsigned i;

	memcpy(w.buf, bytes, len);
	tcp_opts_init(&w.opts);
	for (i = 0; i < TCPOPT_MAX_LEN && !tcpopt_step(&w); i++)
		;
	return w.opts;
}

/* Does @fast match the relevant part of @all? For an ACK: its timestamps. */
static bool same(bool syn, const struct tcp_opts *fast,
		 const struct tcp_opts *all)
{
	if (fast->ts != all->ts || fast->tsval != all->tsval)
		return false;
	if (!syn)
		return fast->tsecr == all->tsecr;
	return fast->mss == all->mss && fast->wscale == all->wscale &&
	       fast->sack == all->sack && fast->asks == all->asks;
}

static bool fast_path(bool syn, const uint8_t *bytes, unsigned len,
		      unsigned linear, struct tcp_opts *ret)
{
	/* the exact bytes, for ASan's sake */
	__be32 *exact = malloc(linear ? linear : 1);
	const void *end = (const uint8_t *)exact + linear;
	bool known;

	assert_non_null(exact);
	memcpy(exact, bytes, linear);
	tcp_opts_init(ret);
	known = syn ? tcpopt_syn_fast(exact, end, len, ret)
		    : tcpopt_ack_fast(exact, end, len, ret);
	free(exact);
	return known;
}

static void print_bytes(const uint8_t *bytes, unsigned len)
{
	unsigned i;

	for (i = 0; i < len; i++)
		fprintf(stderr, "%02x%c", bytes[i], i + 1 < len ? ' ' : '\n');
}

static void make(const struct layout *l, struct random *r, uint8_t *bytes)
{
	unsigned i;

	for (i = 0; i < l->len; i++)
		bytes[i] = l->bytes[i] == ANY ? random_below(r, 256)
					      : l->bytes[i];
}

/* A second timestamps option, which nobody sends: the kernel's last counts. */
static bool has_second_ts(const uint8_t *bytes, unsigned len)
{
	struct tcp_opts first = walk(bytes, 12), all = walk(bytes, len);

	return first.ts && memcmp(&first.tsval, &all.tsval, 8) != 0;
}

static void each_layout_is_recognised(void **state)
{
	uint8_t bytes[TCPOPT_MAX_LEN];
	struct random r = { 7 };
	struct tcp_opts o;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(layouts); i++) {
		const struct layout *l = &layouts[i];

		make(l, &r, bytes);
		if (!fast_path(l->syn, bytes, l->len, l->len, &o))
			fail_msg("%s: not recognised", l->name);
		if (l->len && fast_path(l->syn, bytes, l->len, 0, &o))
			fail_msg("%s: recognised beyond the linear part",
				 l->name);
	}
}

static void what_is_recognised_means_the_same(void **state)
{
	unsigned i, changes, recognised = 0, changed_and_recognised = 0;
	uint8_t bytes[TCPOPT_MAX_LEN];
	struct random r = { 8 };

	(void)state;
	for (i = 0; i < HEADERS; i++) {
		const struct layout *l =
			&layouts[random_below(&r, ARRAY_SIZE(layouts))];
		unsigned len = l->len;
		struct tcp_opts fast, all;

		make(l, &r, bytes);
		changes = random_below(&r, 4);
		if (changes == 3 && len) /* cut, or longer by garbage */
			len = 4 * random_below(&r, 11);
		if (len > l->len)
			random_bytes(&r, bytes + l->len, len - l->len);
		for (; changes && changes < 3 && len; changes--)
			bytes[random_below(&r, len)] = random_below(&r, 256);
		if (!fast_path(l->syn, bytes, len, len, &fast))
			continue;
		recognised++;
		all = walk(bytes, len);
		if (same(l->syn, &fast, &all))
			continue;
		if (!l->syn && has_second_ts(bytes, len)) {
			changed_and_recognised++;
			continue;
		}
		print_bytes(bytes, len);
		fail_msg("%s: the two parsers differ", l->name);
	}
	printf("%d headers, %u recognised, %u of them with two timestamps\n",
	       HEADERS, recognised, changed_and_recognised);
	assert_true(recognised > HEADERS / 3);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(each_layout_is_recognised),
	cmocka_unit_test(what_is_recognised_means_the_same),
};

TEST_MAIN(tests)
