/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: SipHash-2-4 as used for cookies, against its authors'
 * test vectors and libsodium's crypto_shorthash(), the same function over
 * bytes; and the byte string of the cookies' MAC.
 */
#include "testmain.h"

#include <sodium.h>

#include "random.h"
#include "synkeeper/cookie.h"

enum { MESSAGE_MAX = 320, ROUNDS = 500 };

static uint64_t from_le(const uint8_t *p, size_t n)
{
	uint64_t v = 0;

	while (n--)
		v = v << 8 | p[n];
	return v;
}

static size_t to_le(uint8_t *p, uint64_t v, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		p[i] = v >> 8 * i;
	return n;
}

static uint64_t sodium_hash(const struct siphash_key *key, const uint8_t *msg,
			    size_t len)
{
	uint8_t k[crypto_shorthash_KEYBYTES], h[crypto_shorthash_BYTES];

	to_le(k, key->k0, 8);
	to_le(k + 8, key->k1, 8);
	if (sodium_init() < 0)
		fail_msg("libsodium does not start");
	crypto_shorthash(h, msg, len, k);
	return from_le(h, sizeof(h));
}

static uint64_t our_hash(const struct siphash_key *key, const uint8_t *msg,
			 size_t len)
{
	struct siphash s;
	size_t i;

	siphash_init(&s, key);
	for (i = 0; i + 8 <= len; i += 8)
		siphash_word(&s, from_le(msg + i, 8));
	return siphash_end(&s, from_le(msg + i, len - i), len);
}

/* Key 00 01 .. 0f, message 00 01 .. len-1; 15 bytes is the paper's example. */
static void reference_vectors(void **state)
{
	static const struct {
		size_t len;
		uint64_t hash;
	} vectors[] = {
		{ 0, 0x726fdb47dd0e0e31 },  { 1, 0x74f839c593dc67fd },
		{ 2, 0x0d6c8009d9a94f5a },  { 3, 0x85676696d7fb7e2d },
		{ 7, 0xab0200f58b01d137 },  { 8, 0x93f5f5799a932462 },
		{ 15, 0xa129ca6149be45e5 }, { 63, 0x958a324ceb064572 },
	};
	const struct siphash_key key = { 0x0706050403020100,
					 0x0f0e0d0c0b0a0908 };
	uint8_t msg[64];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(msg); i++)
		msg[i] = i;
	for (i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		uint64_t hash = our_hash(&key, msg, vectors[i].len);

		if (hash != vectors[i].hash)
			fail_msg("message of %zu bytes: expected %016jx, "
				 "got %016jx",
				 vectors[i].len, (uintmax_t)vectors[i].hash,
				 (uintmax_t)hash);
	}
}

static void as_libsodium(struct random *r, size_t len)
{
	struct siphash_key key = random_key(r);
	uint8_t msg[MESSAGE_MAX];
	uint64_t want, hash;

	random_bytes(r, msg, len);
	want = sodium_hash(&key, msg, len);
	hash = our_hash(&key, msg, len);
	if (hash != want)
		fail_msg("message of %zu bytes, key %016jx %016jx: "
			 "expected %016jx, got %016jx",
			 len, (uintmax_t)key.k0, (uintmax_t)key.k1,
			 (uintmax_t)want, (uintmax_t)hash);
}

static void every_length(void **state)
{
	struct random r = { 1 };
	size_t len;
	int i;

	(void)state;
	for (len = 0; len < 64; len++)
		for (i = 0; i < ROUNDS; i++)
			as_libsodium(&r, len);
}

/* The last block holds the length modulo 256. */
static void long_messages(void **state)
{
	static const size_t lens[] = { 254, 255, 256, 257, 263, 264, 319 };
	struct random r = { 2 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(lens) / sizeof(lens[0]); i++)
		as_libsodium(&r, lens[i]);
}

/*
 * Addresses and ports as in the packet, ISN and options little-endian: 18 bytes
 * for IPv4, 42 for IPv6. (to_le() yields the bytes that a member has in memory
 * on a little-endian machine, but is portable.)
 */
static size_t mac_message(uint8_t *p, const struct tuple *t, bool v4,
			  uint32_t isn, uint32_t tail)
{
	size_t n = 0, i, first = v4 ? 3 : 0;

	for (i = first; i < 4; i++)
		n += to_le(p + n, t->client[i], 4);
	for (i = first; i < 4; i++)
		n += to_le(p + n, t->server[i], 4);
	n += to_le(p + n, isn, 4);
	n += to_le(p + n, t->client_port, 2);
	n += to_le(p + n, t->server_port, 2);
	n += to_le(p + n, COOKIE_TAIL_LAYOUT | tail, 2);
	return n;
}

static void mac_as_documented(bool v4, size_t want_len)
{
	struct random r = { 3 };
	uint8_t msg[64];
	int i;

	for (i = 0; i < 20000; i++) {
		struct siphash_key key = random_key(&r);
		struct tuple t = random_tuple(&r, v4);
		uint32_t isn = random_u32(&r), tail = random_u32(&r) >> 16;
		size_t len = mac_message(msg, &t, v4, isn, tail);
		uint64_t want = sodium_hash(&key, msg, len);
		uint64_t mac = cookie_mac(&key, &t, isn, tail, 0);

		assert_int_equal(len, want_len);
		if (mac != want)
			fail_msg("MAC of IPv%d, ISN %08x, options %04x: "
				 "expected %016jx, got %016jx",
				 v4 ? 4 : 6, isn, tail, (uintmax_t)want,
				 (uintmax_t)mac);
	}
}

static void cookie_mac_ipv4(void **state)
{
	(void)state;
	mac_as_documented(true, 18);
}

static void cookie_mac_ipv6(void **state)
{
	(void)state;
	mac_as_documented(false, 42);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(reference_vectors), cmocka_unit_test(every_length),
	cmocka_unit_test(long_messages),     cmocka_unit_test(cookie_mac_ipv4),
	cmocka_unit_test(cookie_mac_ipv6),
};

TEST_MAIN(tests)
