/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: where the stats of a service are counted in the maps
 * `totals` and `monitored`. CPUs that write the same line wait for each other,
 * so each has a row, or shares one with few. Row 0 has all services; the others
 * have those with the lowest ids, which are given out first: a host with more
 * services than that has its memory spared instead.
 */
#ifndef SYNKEEPER_STATS_ROWS_H
#define SYNKEEPER_STATS_ROWS_H

#include "limits.h"
#include "types.h"

/* The index of @service for CPUs of @row. */
static __always_inline __u32 stats_index(__u32 row, __u32 service)
{
	if (!row || service >= ROW_SERVICES)
		return service;
	return SERVICES_MAX + (row - 1) * ROW_SERVICES + service;
}

/* How many of @rows have @service. */
static __always_inline __u32 stats_rows_of(__u32 rows, __u32 service)
{
	return service < ROW_SERVICES ? rows : 1;
}

/* The entries of a map with @rows, at least 1. */
static __always_inline __u32 stats_entries(__u32 rows)
{
	return SERVICES_MAX + (rows - 1) * ROW_SERVICES;
}

/* The reverse; 0: a map of @entries has none. */
static __always_inline __u32 stats_rows(__u32 entries)
{
	if (entries < SERVICES_MAX || (entries - SERVICES_MAX) % ROW_SERVICES)
		return 0;
	return 1 + (entries - SERVICES_MAX) / ROW_SERVICES;
}

#endif
