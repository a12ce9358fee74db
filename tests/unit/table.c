/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the tag search of the session table, compared with a
 * plain loop over bytes; claiming and freeing ways; comparing tuples.
 * table_hash.c tests the hash, books_race.c concurrent claims.
 */
#include "testmain.h"

#include "random.h"
#include "synkeeper/session_table.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static uint8_t byte_of(uint64_t word, int i)
{
	return word >> 8 * i;
}

/*
 * Every matching byte must be found, and the lowest one found must be a real
 * match, since a way is claimed by it. False positives above a real match are
 * allowed.
 */
static void match(uint64_t tags, uint8_t tag)
{
	uint64_t got = table_match(tags, tag), want = 0;
	uint32_t first = 8;
	int i;

	for (i = 7; i >= 0; i--) {
		if (byte_of(tags, i) != tag)
			continue;
		want |= 0x80ULL << 8 * i;
		first = i;
	}
	if ((got & want) != want || got & ~0x8080808080808080ULL ||
	    (!want && got))
		fail_msg("tag %02x in %016jx: expected %016jx, got %016jx", tag,
			 (uintmax_t)tags, (uintmax_t)want, (uintmax_t)got);
	if (want && table_first(got) != first)
		fail_msg("tag %02x in %016jx: expected it first in byte %u, "
			 "got byte %u",
			 tag, (uintmax_t)tags, first, table_first(got));
}

/* Each tag in each byte, its neighbours each value, the others 0 or 255. */
static void match_every_byte(void **state)
{
	uint32_t tag, near, pos;

	(void)state;
	for (tag = 0; tag < 256; tag++) {
		for (near = 0; near < 256; near++) {
			for (pos = 0; pos < 8; pos++) {
				uint64_t all = near * TABLE_ONES;
				uint64_t hole = ~(0xffULL << 8 * pos);
				uint64_t own = (uint64_t)tag << 8 * pos;
				uint64_t pair = pos < 7 ? 0xffffULL << 8 * pos
							: 0xffULL << 56;

				match(all, tag);
				match((all & hole) | own, tag);
				match((all & pair & hole) | own, tag);
				match((all & pair & hole) | own | ~pair, tag);
			}
		}
	}
}

/* All 256 patterns of a tag's positions, among similar tags. */
static void match_every_pattern(void **state)
{
	static const uint8_t bits[] = { 0x01, 0x80, 0x7f, 0xff };
	uint32_t tag, set, i, k;

	(void)state;
	for (tag = 0; tag < 256; tag++) {
		for (set = 0; set < 256; set++) {
			for (k = 0; k < ARRAY_SIZE(bits); k++) {
				uint64_t tags = (tag ^ bits[k]) * TABLE_ONES;

				for (i = 0; i < 8; i++)
					if (set >> i & 1)
						tags ^= (uint64_t)bits[k]
							<< 8 * i;
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
		match(tags & 0x0303030303030303, random_u32(&r) & 3);
	}
}

static void first_of_every_match(void **state)
{
	uint32_t set, i;

	(void)state;
	for (set = 1; set < 256; set++) {
		uint32_t want = 8, got;
		uint64_t m = 0;

		for (i = 8; i-- > 0;) {
			if (set >> i & 1) {
				m |= 0x80ULL << 8 * i;
				want = i;
			}
		}
		got = table_first(m);
		if (got != want)
			fail_msg("first of %016jx: expected %u, got %u",
				 (uintmax_t)m, want, got);
	}
}

static uint8_t tag_of(const struct session_set *set, uint32_t way)
{
	return byte_of(set->tags[way / 8], way % 8);
}

/* All ways except @way must be unchanged. */
static void only_way(const struct session_set *was,
		     const struct session_set *is, uint32_t way, uint8_t tag,
		     const char *what)
{
	uint32_t i;

	for (i = 0; i < SET_WAYS; i++) {
		uint8_t want = i == way ? tag : tag_of(was, i);

		if (tag_of(is, i) != want)
			fail_msg("%s way %u of %016jx %016jx: way %u: expected "
				 "tag %02x, got %02x",
				 what, way, (uintmax_t)was->tags[0],
				 (uintmax_t)was->tags[1], i, want,
				 tag_of(is, i));
	}
}

/* Whichever ways are taken, the first free one is claimed. */
static void claim_takes_the_first_free_way(void **state)
{
	struct random r = { 4 };
	uint32_t taken, way, got, i;
	uint8_t tag;

	(void)state;
	for (taken = 0; taken < 1 << SET_WAYS; taken++) {
		struct session_set was = {}, is;

		for (i = 0; i < SET_WAYS; i++)
			if (taken >> i & 1)
				was.tags[i / 8] |=
					(1ULL + random_below(&r, 255))
					<< i % 8 * 8;
		for (way = 0; way < SET_WAYS && taken >> way & 1;)
			way++;
		is = was;
		tag = 1 + random_below(&r, 255);
		got = table_claim(&is, tag);
		if (got != way)
			fail_msg("ways %04x are taken: expected way %u, got "
				 "%u (%d: none)",
				 taken, way, got, SET_WAYS);
		only_way(&was, &is, way, tag, "claim");
	}
}

static void retag_changes_one_way(void **state)
{
	struct random r = { 5 };
	uint32_t way, old, tag;

	(void)state;
	for (way = 0; way < SET_WAYS; way++) {
		for (old = 0; old < 256; old++) {
			for (tag = 0; tag < 256; tag++) {
				struct session_set was, is;

				random_bytes(&r, &was, sizeof(was));
				was.tags[way / 8] &= ~(0xffULL << way % 8 * 8);
				was.tags[way / 8] |= (uint64_t)old
						     << way % 8 * 8;
				is = was;
				table_retag(&is, way, tag);
				only_way(&was, &is, way, tag, "retag");
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
	cmocka_unit_test(match_every_byte),
	cmocka_unit_test(match_every_pattern),
	cmocka_unit_test(match_random),
	cmocka_unit_test(first_of_every_match),
	cmocka_unit_test(claim_takes_the_first_free_way),
	cmocka_unit_test(retag_changes_one_way),
	cmocka_unit_test(equal_compares_every_bit),
	cmocka_unit_test(v4_is_the_mapped_prefix),
};

TEST_MAIN(tests)
