/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: what the routes' metrics (`ip route ... advmss, mtu,
 * hoplimit, initrwnd, window, features`) amount to for SYN-ACKs, as the map
 * route_metrics has it. Pure functions of what routing.h has read.
 *
 * The programs look for the longest prefix, as the kernel does. So a route
 * without metrics is in the list if it is within the prefix of one that has
 * some. Where policy rules choose among tables, see ruled.h. Where rules cannot
 * be followed, or not all routes were read, metrics are ignored.
 */
#ifndef METRICS_H
#define METRICS_H

#include "routing.h"
#include "synkeeper/abi.h"

struct metrics_entry {
	struct local_key to;
	struct route_metrics says;
};

/* Sorted by metrics_compare(). */
struct metrics_list {
	struct metrics_entry *all; /* owned; NULL: no route has metrics */
	size_t n;
};

/* What route @r says, for clients within which prefix. */
struct metrics_entry metrics_entry_of(const struct route *r, bool v6);

/*
 * Puts first what contains others, and of routes to the same prefix the one
 * that the kernel prefers.
 */
void metrics_sort(const struct route **all, size_t n);

/* Is it to the same prefix as the one before it? */
bool metrics_is_shadowed(const struct route *const *sorted, size_t i);

/* Of families without policy rules. Returns 0 or -ENOMEM, *@ret unchanged. */
int metrics_choose(const struct routing *v4, const struct routing *v6,
		   struct metrics_list *ret);
void metrics_free(struct metrics_list *l);

/* By the bytes of the keys, for qsort() and bsearch(). */
int metrics_compare(const void *a, const void *b);

/* Does any bound the scale? */
bool metrics_bound_window(const struct metrics_list *l);

/*
 * The scale for windows of up to @most bytes: tcp_select_initial_window() of
 * net/ipv4/tcp_output.c.
 */
__u8 metrics_window_scale(__u32 most);

/* Has any route metrics that a SYN-ACK shows? */
bool metrics_exist(const struct routing *r);

/* Why those of @r are ignored, for messages; NULL: they are not. */
const char *metrics_ignored(const struct routing *r);

#endif
