// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: the arithmetic of the summary of the session table: its
 * size, which word stands for a set, and how many strangers get past it and
 * past the tags, compared with what session_summary.h promises. summary_race.c
 * tests how one replaces another.
 */
#include <stdlib.h>

#include "testmain.h"

#include "random.h"
#include "synkeeper/session_summary.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static void size_follows_the_sessions(void **state)
{
	static const struct {
		uint32_t sets, n, words;
	} cases[] = {
		{ 64, 0, 64 },
		{ 64, 1024, 64 },
		{ 1 << 13, 0, 512 },
		{ 1 << 17, 4096, 512 },
		{ 1 << 17, 4097, 1024 },
		{ 1 << 17, 100000, 1 << 14 },
		{ 1 << 21, 100000, 1 << 14 },
		{ 1 << 17, 1000000, 1 << 17 },
		{ 1 << 21, 1000000, 1 << 17 },
		{ 1 << 17, 2000000, 1 << 17 },
		{ 1 << 21, 32000000, 1 << 21 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		uint32_t got = summary_words(cases[i].sets, cases[i].n);

		if (got != cases[i].words)
			fail_msg("%u sets, %u sessions: expected %u words, got "
				 "%u",
				 cases[i].sets, cases[i].n, cases[i].words,
				 got);
	}
}

/* Each half has its own words, and each of them stands for as many sets. */
static void words_stand_for_sets(void **state)
{
	enum { SETS = 1024 };
	uint32_t words, set, half, i;

	(void)state;
	for (words = 1; words <= SETS; words *= 2) {
		for (half = 0; half < 2; half++) {
			uint32_t place = summary_place(SETS, words, half);
			uint32_t stands[2 * SETS] = {};

			for (set = 0; set < SETS; set++)
				stands[summary_index(place, SETS, set)]++;
			for (i = 0; i < 2 * SETS; i++) {
				uint32_t want = i / SETS == half &&
								i % SETS < words
							? SETS / words
							: 0;

				if (stands[i] != want)
					fail_msg("%u words, half %u: word %u: "
						 "expected to stand for %u "
						 "sets, got %u",
						 words, half, i, want,
						 stands[i]);
			}
		}
	}
}

/* As long as no place was written: one word for all. */
static void one_word_without_a_place(void **state)
{
	(void)state;
	assert_int_equal(summary_index(0, 1024, 0), 0);
	assert_int_equal(summary_index(0, 1024, 1023), 0);
}

enum { SETS = 1 << 14, STRANGERS = 1000000 };

static struct session_set tags[SETS];
static __u64 words[2 * SETS];

struct rates {
	double bits; /* found both bits, of a hundred strangers */
	double tag;  /* met an equal tag, bits or not */
};

/* @n sessions in a table of which @place summarizes the tags. */
static struct rates rates_of(const struct settings *cfg, uint32_t place,
			     uint32_t n)
{
	struct random r = { n };
	uint32_t bits = 0, equal = 0, way, i;
	struct table_hash h;
	struct tuple t;

	memset(tags, 0, sizeof(tags));
	memset(words, 0, sizeof(words));
	for (i = 0; i < n; i++) {
		t = random_tuple(&r, true);
		table_hash(cfg, &t, &h);
		h.set &= cfg->set_mask;
		if (table_claim(&tags[h.set], h.tag) < SET_WAYS)
			summary_put(&words[summary_index(place, SETS, h.set)],
				    summary_bits(h.tag));
	}
	for (i = 0; i < STRANGERS; i++) {
		t = random_tuple(&r, true);
		table_hash(cfg, &t, &h);
		h.set &= cfg->set_mask;
		bits += summary_has(words[summary_index(place, SETS, h.set)],
				    summary_bits(h.tag));
		for (way = 0; way < SET_WAYS; way++)
			equal += table_tag(&tags[h.set], way) == h.tag;
	}
	return (struct rates){ bits * 100.0 / STRANGERS,
			       equal * 100.0 / STRANGERS };
}

static void strangers_rarely_pass(void **state)
{
	static const struct {
		double load, percent;
	} cases[] = { { 0.5, 0.07 }, { 1, 0.18 }, { 2, 0.53 },
		      { 4, 1.66 },   { 6, 3.28 }, { 8, 5.30 } };
	struct settings cfg = { .set_mask = SETS - 1,
				.hash_seed = 0x243f6a8885a308d3,
				.hash_mul = 0x9e3779b97f4a7c15 };
	uint32_t fold;
	size_t i;

	(void)state;
	for (fold = 1; fold <= 16; fold *= 16) {
		uint32_t n_words = SETS / fold;
		uint32_t place = summary_place(SETS, n_words, true);

		for (i = 0; i < ARRAY_SIZE(cases); i++) {
			uint32_t n = cases[i].load * n_words;
			double tag = 100.0 * n / SETS / 65535;
			struct rates got = rates_of(&cfg, place, n);

			printf("%g sessions a word of %u sets: %.2f %% pass "
			       "(%.2f %% expected), %.4f %% meet their tag\n",
			       cases[i].load, fold, got.bits, cases[i].percent,
			       got.tag);
			if (got.bits > cases[i].percent * 1.15 + 0.02 ||
			    got.bits < cases[i].percent * 0.85 - 0.02 ||
			    got.tag > 2 * tag + 0.002)
				fail_msg("%g sessions a word: expected %.2f %% "
					 "of strangers to pass and %.4f %% to "
					 "meet their tag, got %.2f and %.4f",
					 cases[i].load, cases[i].percent, tag,
					 got.bits, got.tag);
		}
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(size_follows_the_sessions),
	cmocka_unit_test(words_stand_for_sets),
	cmocka_unit_test(one_word_without_a_place),
	cmocka_unit_test(strangers_rarely_pass),
};

TEST_MAIN(tests)
