/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: SipHash-2-4 (Aumasson, Bernstein 2012), a keyed hash
 * fast enough to run per packet. The message is passed as whole 64-bit
 * little-endian words and a tail of up to seven bytes, which is what the cookie
 * code has; so there is no loop over bytes. The unit tests compare it with
 * libsodium's crypto_shorthash.
 */
#ifndef SYNKEEPER_SIPHASH_H
#define SYNKEEPER_SIPHASH_H

#include "types.h"

struct siphash_key {
	__u64 k0;
	__u64 k1;
};

struct siphash {
	__u64 v0, v1, v2, v3;
};

#define SIPHASH_ROTL(x, b) (((x) << (b)) | ((x) >> (64 - (b))))

static __always_inline void siphash_round(struct siphash *s)
{
	s->v0 += s->v1;
	s->v2 += s->v3;
	s->v1 = SIPHASH_ROTL(s->v1, 13) ^ s->v0;
	s->v3 = SIPHASH_ROTL(s->v3, 16) ^ s->v2;
	s->v0 = SIPHASH_ROTL(s->v0, 32);
	s->v2 += s->v1;
	s->v0 += s->v3;
	s->v1 = SIPHASH_ROTL(s->v1, 17) ^ s->v2;
	s->v3 = SIPHASH_ROTL(s->v3, 21) ^ s->v0;
	s->v2 = SIPHASH_ROTL(s->v2, 32);
}

static __always_inline void siphash_init(struct siphash *s,
					 const struct siphash_key *key)
{
	s->v0 = 0x736f6d6570736575ULL ^ key->k0;
	s->v1 = 0x646f72616e646f6dULL ^ key->k1;
	s->v2 = 0x6c7967656e657261ULL ^ key->k0;
	s->v3 = 0x7465646279746573ULL ^ key->k1;
}

static __always_inline void siphash_word(struct siphash *s, __u64 word)
{
	s->v3 ^= word;
	siphash_round(s);
	siphash_round(s);
	s->v0 ^= word;
}

/*
 * Ends the message. @tail: its last @len % 8 bytes, little-endian, zero above;
 * @len: the length of the whole message in bytes.
 */
static __always_inline __u64 siphash_end(struct siphash *s, __u64 tail,
					 __u64 len)
{
	siphash_word(s, tail | len << 56);
	s->v2 ^= 0xff;
	siphash_round(s);
	siphash_round(s);
	siphash_round(s);
	siphash_round(s);
	return s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}

#endif
