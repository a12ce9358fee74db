/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: what must not be accepted as a cookie: one that is
 * slightly off, of another client or key, or simply guessed. A wrong cookie is
 * accepted with probability 2^-25; fixed seeds keep these tests from being
 * flaky.
 */
#include "testmain.h"

#include "cookies.h"

/* A valid cookie, and what to check it with. */
struct sample {
	struct world w;
	struct cookie c;
	bool ts;
	const char *name;
};

static void must_fail(const struct sample *s, const char *what, int n)
{
	const struct handshake untouched = { 4711, 3, 1, 1, 1 };
	struct handshake hs = untouched;
	struct cookie c = s->c;

	if (check(&s->w, &c, s->ts, &hs))
		fail_msg("%s, %s %d: expected it to fail, it passed as %s",
			 s->name, what, n, text_of(&hs).s);
	if (c.tsval != s->c.tsval || !same(&hs, &untouched))
		fail_msg("%s, %s %d: expected the handshake left alone, got %s",
			 s->name, what, n, text_of(&hs).s);
}

/* Runs @fn with cookies of both families, both epochs, every flag. */
static void each_sample(void (*fn)(const struct sample *))
{
	uint32_t n;

	for (n = 0; n < 32 * 64; n++) {
		bool v4 = n & 1;
		struct handshake hs = {
			.mss = 1460,
			.wscale = n & 2 ? 8 : WSCALE_NONE,
			.sack = n >> 2 & 1,
			.ecn = n >> 3 & 1,
			.ts = n >> 4 & 1,
		};
		struct sample s = { .w = world_new(1000 + n, v4),
				    .ts = hs.ts,
				    .name = v4 ? "IPv4" : "IPv6" };
		struct handshake back;

		s.c = make(&s.w, n >> 5 & 1, &hs);
		if (!check(&s.w, &s.c, s.ts, &back))
			fail_msg("%s, %s: expected the true ACK to pass",
				 s.name, text_of(&hs).s);
		fn(&s);
	}
}

static void off_by_some(const struct sample *good)
{
	int d;

	for (d = -64; d <= 64; d++) {
		struct sample s = *good;

		if (!d)
			continue;
		s.c.isn += d;
		must_fail(&s, "acknowledgement number off by", d);
		s = *good;
		s.w.isn += d;
		must_fail(&s, "sequence number off by", d);
	}
}

static void numbers_off_by_one(void **state)
{
	(void)state;
	each_sample(off_by_some);
}

static void bits_flipped(const struct sample *good)
{
	int bit;

	for (bit = 0; bit < 32; bit++) {
		struct sample s = *good;

		s.c.isn ^= 1U << bit;
		must_fail(&s, "acknowledgement number without bit", bit);
		s = *good;
		s.w.isn ^= 1U << bit;
		must_fail(&s, "sequence number without bit", bit);
	}
}

static void any_bit_flipped(void **state)
{
	(void)state;
	each_sample(bits_flipped);
}

static void tuple_changed(const struct sample *good)
{
	struct sample s = *good;
	uint8_t *p = (uint8_t *)&s.w.t;
	int bit;

	for (bit = 0; bit < (int)sizeof(s.w.t) * 8; bit++) {
		/* an IPv4 server has IPv4 clients: ::ffff: is not hashed */
		if (s.w.v4 && bit < 96)
			continue;
		p[bit / 8] ^= 1 << bit % 8;
		must_fail(&s, "tuple with another bit", bit);
		p[bit / 8] ^= 1 << bit % 8;
	}
	s.w.t.client_port = good->w.t.server_port;
	s.w.t.server_port = good->w.t.client_port;
	must_fail(&s, "ports exchanged", 0);
	memcpy(s.w.t.client, good->w.t.server, 16);
	memcpy(s.w.t.server, good->w.t.client, 16);
	must_fail(&s, "the whole tuple reversed", 0);
}

static void another_tuple(void **state)
{
	(void)state;
	each_sample(tuple_changed);
}

static void key_changed(const struct sample *good)
{
	uint32_t slot = cookie_slot(good->c.isn);
	struct sample s = *good;
	int bit;

	for (bit = 0; bit < 64; bit++) {
		s.w.keys[slot].k0 ^= 1ULL << bit;
		must_fail(&s, "key k0 with another bit", bit);
		s.w.keys[slot] = good->w.keys[slot];
		s.w.keys[slot].k1 ^= 1ULL << bit;
		must_fail(&s, "key k1 with another bit", bit);
		s.w.keys[slot] = good->w.keys[slot];
	}
	s.w.keys[slot] = good->w.keys[!slot];
	must_fail(&s, "key of slot", !slot);
}

static void another_key(void **state)
{
	(void)state;
	each_sample(key_changed);
}

/*
 * Whatever TSecr comes with a valid acknowledgement number, it is worth no more
 * than the client's SYN: what the profile stands for.
 */
static void tsecr_changed(const struct sample *good)
{
	uint32_t profile = good->c.isn & COOKIE_PROFILE_MASK, n, again;
	struct handshake floor, hs;

	cookie_unprofile(good->w.v4, profile, &floor);
	floor.ts = 1;
	for (n = 0; n < 256; n++) {
		struct cookie c = good->c;

		c.tsval = n < 32 ? c.tsval ^ 1U << n : c.tsval + n - 144;
		if (!check(&good->w, &c, true, &hs))
			fail_msg("%s: expected the ACK to pass with any TSecr",
				 good->name);
		if (good->ts && n < 32 && n >= 20 && !same(&hs, &floor))
			fail_msg("%s, TSecr changed above: expected %s, got %s",
				 good->name, text_of(&floor).s, text_of(&hs).s);
		again = cookie_profile(good->w.v4, &hs);
		if (again != profile || hs.mss < floor.mss ||
		    hs.wscale < floor.wscale || !hs.ts)
			fail_msg("%s, TSecr changed: expected what is rounded "
				 "to %s, got %s",
				 good->name, text_of(&floor).s, text_of(&hs).s);
	}
}

static void any_tsecr(void **state)
{
	(void)state;
	each_sample(tsecr_changed);
}

/* A constant bit would halve the number of guesses. */
static void every_mac_bit_is_random(void **state)
{
	enum { COOKIES = 65536, SLACK = 1280 /* ten deviations */ };
	uint32_t ones[3][32] = {}, n, bit, i;
	static const struct {
		const char *name;
		uint32_t mac;
	} words[3] = {
		{ "ISN without timestamps", 0x7fffffc0 },
		{ "ISN with timestamps", 0x7fffffc0 },
		{ "TSval", 0xffffffff },
	};

	(void)state;
	for (n = 0; n < COOKIES; n++) {
		struct world w = world_new(n, n & 1);
		struct handshake a = { 1460, 8, 1, 0, 0 };
		struct handshake b = { 1460, 8, 1, 0, 1 };
		struct cookie c = make(&w, 0, &a), d = make(&w, 0, &b);

		for (bit = 0; bit < 32; bit++) {
			ones[0][bit] += c.isn >> bit & 1;
			ones[1][bit] += d.isn >> bit & 1;
			ones[2][bit] += d.tsval >> bit & 1;
		}
	}
	for (i = 0; i < ARRAY_SIZE(words); i++)
		for (bit = 0; bit < 32; bit++)
			if (words[i].mac >> bit & 1 &&
			    abs((int)ones[i][bit] - COOKIES / 2) > SLACK)
				fail_msg("%s, bit %u: expected it set in about "
					 "%u of %u cookies, got %u",
					 words[i].name, bit, COOKIES / 2,
					 COOKIES, ones[i][bit]);
}

/*
 * Of all ISNs with a given epoch and profile exactly one passes: with 64
 * profiles and 2 epochs that makes 128 of 2^32.
 */
static void forgery_by_enumeration(void **state)
{
	static const uint32_t profiles[2] = { 0x3b, 0x06 };
	struct world w = world_new(50, true);
	struct handshake hs;
	uint32_t epoch, mac;

	(void)state;
	for (epoch = 0; epoch < 2; epoch++) {
		uint32_t passed = 0;

		for (mac = 0; mac < 1U << COOKIE_MAC_BITS; mac++) {
			struct cookie c = { .isn = epoch << 31 | mac << 6 |
						   profiles[epoch] };

			passed += check(&w, &c, false, &hs);
		}
		printf("of 2^25 ISNs of epoch %u, profile %02x: expected 1 "
		       "accepted, found %u\n",
		       epoch, profiles[epoch], passed);
		if (passed != 1)
			fail_msg("epoch %u, profile %02x: expected 1 ISN of "
				 "2^25 accepted, got %u",
				 epoch, profiles[epoch], passed);
	}
}

/* Random ACKs from random clients. The seed is fixed, so the count is too. */
static uint32_t forge(bool ts, uint32_t tries)
{
	struct world w = world_new(60 + ts, true);
	struct random r = { 61 + ts };
	struct handshake hs;
	uint32_t passed = 0;

	while (tries--) {
		uint64_t ack = random_u64(&r);
		struct cookie c = { .isn = ack };

		w.isn = ack >> 32;
		w.t.client_port = tries;
		if (ts)
			c.tsval = random_u32(&r);
		passed += check(&w, &c, ts, &hs);
	}
	return passed;
}

/*
 * The acknowledgement number decides. A Poisson variable of mean 4 exceeds 14
 * once in 50,000 seeds.
 */
static void forge_many(bool ts, const char *name)
{
	uint32_t passed = forge(ts, 1U << 27);

	printf("of 2^27 random ACKs %s timestamps: expected 4 accepted, "
	       "found %u\n",
	       name, passed);
	if (passed > 14)
		fail_msg("2^27 random ACKs %s timestamps: expected about 4 "
			 "accepted, got %u",
			 name, passed);
}

static void forgery_without_timestamps(void **state)
{
	(void)state;
	forge_many(false, "without");
}

static void forgery_with_timestamps(void **state)
{
	(void)state;
	forge_many(true, "with");
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(numbers_off_by_one),
	cmocka_unit_test(any_bit_flipped),
	cmocka_unit_test(another_tuple),
	cmocka_unit_test(another_key),
	cmocka_unit_test(any_tsecr),
	cmocka_unit_test(every_mac_bit_is_random),
	cmocka_unit_test(forgery_by_enumeration),
	cmocka_unit_test(forgery_without_timestamps),
	cmocka_unit_test(forgery_with_timestamps),
};

TEST_MAIN(tests)
