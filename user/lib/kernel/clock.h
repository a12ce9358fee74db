/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the clock of all timestamps in maps: the kernel's own
 * CLOCK_MONOTONIC, which bpf_ktime_get_ns() returns. In a time namespace (a
 * container that was migrated has one) clock_gettime(2) returns another.
 */
#ifndef CLOCK_H
#define CLOCK_H

#include <time.h>

#include "synkeeper/types.h"

/* What bpf_ktime_get_ns() returns. */
__u64 clock_ns(void);

/* Converts a time of that clock to seconds since 1970. */
static inline double realtime_of(__u64 monotonic_ns)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9 -
	       (double)(clock_ns() - monotonic_ns) / 1e9;
}

#endif
