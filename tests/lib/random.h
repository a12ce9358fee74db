/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: random numbers for tests, the same ones in every run,
 * so that a failure can be repeated (SplitMix64: Steele, Lea, Flood 2014).
 */
#ifndef RANDOM_H
#define RANDOM_H

#include <stddef.h>
#include <stdint.h>

#include "synkeeper/siphash.h"

struct random {
	uint64_t state; /* the seed */
};

static inline uint64_t random_u64(struct random *r)
{
	uint64_t x = r->state += 0x9e3779b97f4a7c15;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

static inline uint32_t random_u32(struct random *r)
{
	return random_u64(r) >> 32;
}

/* 0 .. @n - 1 */
static inline uint32_t random_below(struct random *r, uint32_t n)
{
	return (uint64_t)random_u32(r) * n >> 32;
}

static inline void random_bytes(struct random *r, void *buf, size_t len)
{
	uint8_t *p = buf;

	while (len--)
		*p++ = random_u64(r) >> 56;
}

static inline struct siphash_key random_key(struct random *r)
{
	struct siphash_key key;

	key.k0 = random_u64(r);
	key.k1 = random_u64(r);
	return key;
}

static inline struct tuple random_tuple(struct random *r, bool v4)
{
	struct tuple t;

	random_bytes(r, &t, sizeof(t));
	if (v4) {
		t.client[0] = t.client[1] = 0;
		t.server[0] = t.server[1] = 0;
		t.client[2] = t.server[2] = htobe32_const(0xffff);
	}
	return t;
}

#endif
