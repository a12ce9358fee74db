/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: packets by service and reason, summed over all CPUs:
 * from MAP_COUNTERS, or from MAP_MONITORED, which counts those of monitored
 * services. Service 0 is traffic to no service. Many services are read in
 * batches, to save system calls.
 */
#ifndef STATS_H
#define STATS_H

#include "loader.h"

/* Reads the services @first and up, @n of them, into @ret. 0 or -errno. */
int stats_read(const struct loader *l, enum loader_map map, __u32 first,
	       __u32 n, struct counters *ret);
/*
 * Likewise for the services below @end; *@ret is an array of SERVICES_MAX, zero
 * from @end on, which the caller frees. Returns 0 or -errno.
 */
int stats_read_all(const struct loader *l, enum loader_map map, __u32 end,
		   struct counters **ret);

/* Adds all reasons of @c to @sum. */
void stats_add(struct counters *sum, const struct counters *c);

#endif
