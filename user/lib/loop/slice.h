/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: long work is done in slices of a few milliseconds, so
 * that nothing else on the loop waits longer than that.
 */
#ifndef SLICE_H
#define SLICE_H

#include "kernel/clock.h"

struct slice {
	__u64 end_ns;
};

static inline struct slice slice_begin(__u32 us)
{
	return (struct slice){ .end_ns = clock_ns() + us * 1000ULL };
}

static inline bool slice_is_over(const struct slice *s)
{
	return clock_ns() > s->end_ns;
}

#endif
