/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the tag search of the session table, compared with a
 * plain loop over tags; claiming and freeing ways; comparing tuples.
 * table_hash.c tests the hash, books_race.c concurrent claims.
 */
#include "testmain.h"

#include "random.h"
#include "synkeeper/session_table.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static uint16_t lane(uint64_t word, int i)
{
	return word >> TAG_BITS * i;
}

static uint64_t at(uint32_t i, uint64_t bits)
{
	return bits << TAG_BITS * i;
}

/*
 * Every matching tag must be found, and the lowest one found must be a real
 * match, since a way is claimed by it. False positives above a real match are
 * allowed.
 */
static void match(uint64_t tags, uint16_t tag)
{
	uint64_t got = table_match(tags, tag), want = 0;
	uint32_t first = WORD_TAGS;
	int i;

	for (i = WORD_TAGS - 1; i >= 0; i--) {
		if (lane(tags, i) != tag)
			continue;
		want |= at(i, 0x8000);
		first = i;
	}
	if ((got & want) != want || got & ~0x8000800080008000 || (!want && got))
		fail_msg("tag %04x in %016jx: expected %016jx, got %016jx", tag,
			 (uintmax_t)tags, (uintmax_t)want, (uintmax_t)got);
	if (want && table_first(got) != first)
		fail_msg("tag %04x in %016jx: expected it first at %u, got it "
			 "at %u",
			 tag, (uintmax_t)tags, first, table_first(got));
}

/*
 * Tags whose subtraction borrows in different places: each byte of them one of
 * the values that matter.
 */
static uint16_t edge(uint32_t i)
{
	static const uint8_t bytes[] = { 0x00, 0x01, 0x02, 0x7f,
					 0x80, 0x81, 0xfe, 0xff };

	return bytes[i / 8 % 8] << 8 | bytes[i % 8];
}

enum { EDGES = 64 };

/* Each edge at each place, its neighbours each edge, the others 0 or ~0. */
static void match_every_place(void **state)
{
	uint32_t t, n, pos;

	(void)state;
	for (t = 0; t < EDGES; t++) {
		for (n = 0; n < EDGES; n++) {
			for (pos = 0; pos < WORD_TAGS; pos++) {
				uint64_t all = edge(n) * TABLE_ONES;
				uint64_t hole = ~at(pos, 0xffff);
				uint64_t own = at(pos, edge(t));
				uint64_t pair = pos < WORD_TAGS - 1
							? at(pos, 0xffffffff)
							: at(pos, 0xffff);

				match(all, edge(t));
				match((all & hole) | own, edge(t));
				match((all & pair & hole) | own, edge(t));
				match((all & pair & hole) | own | ~pair,
				      edge(t));
			}
		}
	}
}

/* All 16 patterns of every tag's places, among tags of one bit's difference. */
static void match_every_pattern(void **state)
{
	uint32_t tag, set, i, bit;

	(void)state;
	for (tag = 0; tag < 1 << TAG_BITS; tag++) {
		for (set = 0; set < 1 << WORD_TAGS; set++) {
			for (bit = 0; bit < TAG_BITS; bit++) {
				uint64_t tags =
					(tag ^ 1ULL << bit) * TABLE_ONES;

				for (i = 0; i < WORD_TAGS; i++)
					if (set >> i & 1)
						tags ^= at(i, 1ULL << bit);
				match(tags, tag);
			}
		}
	}
}

static void match_random(void **state)
{
	struct random r = { 1 };
	int i;

	(void)state;
	for (i = 0; i < 1000000; i++) {
		uint64_t tags = random_u64(&r);

		match(tags, random_u32(&r));
		match(tags & 0x0003000300030003, random_u32(&r) & 3);
	}
}

static void first_of_every_match(void **state)
{
	uint32_t set, i;

	(void)state;
	for (set = 1; set < 1 << WORD_TAGS; set++) {
		uint32_t want = WORD_TAGS, got;
		uint64_t m = 0;

		for (i = WORD_TAGS; i-- > 0;) {
			if (set >> i & 1) {
				m |= at(i, 0x8000);
				want = i;
			}
		}
		got = table_first(m);
		if (got != want)
			fail_msg("first of %016jx: expected %u, got %u",
				 (uintmax_t)m, want, got);
	}
}

/* All ways except @way must be unchanged. */
static void only_way(const struct session_set *was,
		     const struct session_set *is, uint32_t way, uint16_t tag,
		     const char *what)
{
	uint32_t i;

	for (i = 0; i < SET_WAYS; i++) {
		uint16_t want = i == way ? tag : table_tag(was, i);

		if (table_tag(is, i) != want)
			fail_msg("%s way %u, was %04x: way %u: expected tag "
				 "%04x, got %04x",
				 what, way, table_tag(was, way), i, want,
				 table_tag(is, i));
	}
}

/* Whichever ways are taken, the first free one is claimed. */
static void claim_takes_the_first_free_way(void **state)
{
	struct random r = { 4 };
	uint32_t taken, way, got, i;
	uint16_t tag;

	(void)state;
	for (taken = 0; taken < 1 << SET_WAYS; taken++) {
		struct session_set was = {}, is;

		for (i = 0; i < SET_WAYS; i++)
			if (taken >> i & 1)
				table_retag(&was, i,
					    1 + random_below(&r, 65535));
		for (way = 0; way < SET_WAYS && taken >> way & 1;)
			way++;
		is = was;
		tag = 1 + random_below(&r, 65535);
		got = table_claim(&is, tag);
		if (got != way)
			fail_msg("ways %04x are taken: expected way %u, got "
				 "%u (%d: none)",
				 taken, way, got, SET_WAYS);
		only_way(&was, &is, way, tag, "claim");
		if (table_is_full(&was) != (way == SET_WAYS) ||
		    table_is_empty(&was) != !taken)
			fail_msg("ways %04x are taken: full %d, empty %d",
				 taken, table_is_full(&was),
				 table_is_empty(&was));
	}
}

static void retag_changes_one_way(void **state)
{
	struct random r = { 5 };
	uint32_t way, old, tag;

	(void)state;
	for (way = 0; way < SET_WAYS; way++) {
		for (old = 0; old < EDGES; old++) {
			for (tag = 0; tag < EDGES; tag++) {
				struct session_set was, is;
				__u64 *word = &was.tags[way / WORD_TAGS];

				random_bytes(&r, &was, sizeof(was));
				*word &= ~at(way % WORD_TAGS, 0xffff);
				*word |= at(way % WORD_TAGS, edge(old));
				is = was;
				table_retag(&is, way, edge(tag));
				only_way(&was, &is, way, edge(tag), "retag");
			}
		}
	}
}

static void equal_compares_every_bit(void **state)
{
	struct random r = { 2 };
	struct tuple a = random_tuple(&r, false), b = a;
	uint8_t *p = (uint8_t *)&b;
	uint32_t bit;

	(void)state;
	if (!tuple_equal(&a, &b))
		fail_msg("a tuple and its copy: expected equal, got different");
	for (bit = 0; bit < sizeof(b) * 8; bit++) {
		p[bit / 8] ^= 1 << bit % 8;
		if (tuple_equal(&a, &b) || tuple_equal(&b, &a))
			fail_msg("tuples that differ in bit %u of byte %u: "
				 "expected different, got equal",
				 bit % 8, bit / 8);
		p[bit / 8] ^= 1 << bit % 8;
	}
}

static void v4_is_the_mapped_prefix(void **state)
{
	struct random r = { 3 };
	struct tuple t = random_tuple(&r, true);
	uint8_t *p = (uint8_t *)t.server;
	uint32_t bit;

	(void)state;
	if (!tuple_is_v4(&t))
		fail_msg("server ::ffff:a.b.c.d: expected IPv4, got IPv6");
	for (bit = 0; bit < 128; bit++) {
		bool want = bit >= 96;

		p[bit / 8] ^= 1 << bit % 8;
		if (tuple_is_v4(&t) != want)
			fail_msg("server ::ffff:a.b.c.d with bit %u of byte "
				 "%u changed: expected IPv%d, got IPv%d",
				 bit % 8, bit / 8, want ? 4 : 6, want ? 6 : 4);
		p[bit / 8] ^= 1 << bit % 8;
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(match_every_place),
	cmocka_unit_test(match_every_pattern),
	cmocka_unit_test(match_random),
	cmocka_unit_test(first_of_every_match),
	cmocka_unit_test(claim_takes_the_first_free_way),
	cmocka_unit_test(retag_changes_one_way),
	cmocka_unit_test(equal_compares_every_bit),
	cmocka_unit_test(v4_is_the_mapped_prefix),
};

TEST_MAIN(tests)
