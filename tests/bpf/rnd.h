/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: xorshift64* (Vigna 2016) with a fixed seed, so that
 * failures are reproducible.
 */
#ifndef TESTS_BPF_RND_H
#define TESTS_BPF_RND_H

#include <stdint.h>

static inline uint32_t rnd(void)
{
	static uint64_t x = 0x2545f4914f6cdd1dULL;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	return x * 0x2545f4914f6cdd1dULL >> 32;
}

#endif
