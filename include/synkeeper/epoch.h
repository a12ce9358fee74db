/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: which keys count when, if nodes share a secret. Time is
 * divided into epochs of EPOCH_SECONDS since 1970 (UTC), each with a key of its
 * own; a cookie carries the lowest bit of its epoch. At any time a node makes
 * cookies of the epoch e by its clock and accepts two epochs, one per bit:
 *
 *	           first half of e	second half of e
 *	bit e & 1	e			e
 *	the other	e - 1			e + 1
 *
 * So a cookie of epoch e is accepted from half an epoch before e until half an
 * epoch after it. With clocks that agree, it lives for L/2 to 3L/2 (L: an
 * epoch). A clock that is ahead by d of the one that made the cookie takes d
 * from either bound, and one that is behind by d adds it, as long as d < L/2. A
 * forger must hit one of two epochs, as with keys that a node makes for itself.
 *
 * Pure; compiled by both sides, and simulated in tests/unit/epoch.c.
 */
#ifndef SYNKEEPER_EPOCH_H
#define SYNKEEPER_EPOCH_H

#include "siphash.h"
#include "types.h"

enum {
	EPOCH_SECONDS = 64,
	/*
	 * A node has keys of this many epochs: EPOCH_KEYS_BEHIND that are over,
	 * to tell an expired cookie from a forged one, the current one, and an
	 * hour of epochs to come.
	 */
	EPOCH_KEYS = 64, /* a power of two */
	EPOCH_KEYS_BEHIND = 3,
	EPOCH_KEYS_AHEAD = EPOCH_KEYS - EPOCH_KEYS_BEHIND - 1,
};

#define EPOCH_HALF_NS (EPOCH_SECONDS * 1000000000ULL / 2)

/* Half epochs since 1970. @utc_ns: nanoseconds since 1970. */
static __always_inline __u64 epoch_half(__u64 utc_ns)
{
	return utc_ns / EPOCH_HALF_NS;
}

/* The epoch whose key makes cookies in this @half. */
static __always_inline __u64 epoch_of(__u64 half)
{
	return half >> 1;
}

/* The epoch that counts in this @half for cookies with @bit, 0 or 1. */
static __always_inline __u64 epoch_for_bit(__u64 half, __u32 bit)
{
	__u64 e = epoch_of(half);

	if ((e & 1) == bit)
		return e;
	return half & 1 ? e + 1 : e - 1;
}

/* ---- the map keys: those that a node makes for itself ---- */

/* keys[0..1]: live, by epoch bit. keys[2..3]: their predecessors. */
enum { KEY_SLOTS = 4, KEY_OLD = 2 };

struct cookie_key {
	struct siphash_key key;
	__u64 born_ns; /* CLOCK_MONOTONIC; 0: the slot is empty */
};
_Static_assert(sizeof(struct cookie_key) == 24, "abi");

/* ---- the map epoch_keys: those by time ---- */

/* Places of secrets: while one replaces another, both count. */
enum { EPOCH_PLACES = 2 };

struct epoch_key {
	struct siphash_key key;
	__u64 epoch; /* 0: none */
};
_Static_assert(sizeof(struct epoch_key) == 24, "abi");

/* The index of an @epoch's key, of the secret in @place. */
static __always_inline __u32 epoch_key_at(__u32 place, __u64 epoch)
{
	return place * EPOCH_KEYS + (epoch & (EPOCH_KEYS - 1));
}

#endif
