/* SPDX-License-Identifier: GPL-2.0-only */
/* Theory of operation: the clock that maps and daemon share. */
#ifndef CLOCK_H
#define CLOCK_H

#include <time.h>

#include "synkeeper/types.h"

/* CLOCK_MONOTONIC, which is what bpf_ktime_get_ns() returns. */
static inline __u64 now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

/* Seconds since 1970 of a moment of CLOCK_MONOTONIC. */
static inline double realtime_of(__u64 monotonic_ns)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9 -
	       (double)(now_ns() - monotonic_ns) / 1e9;
}

#endif
