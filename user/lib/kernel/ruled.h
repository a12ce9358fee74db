/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: what routes say of SYN-ACKs where policy rules choose
 * among tables, as the maps route_rules and ruled_metrics have it. Pure
 * functions of what routing.h has read.
 *
 * The programs go through the rules as fib_rules_lookup() (net/core/
 * fib_rules.c) does: the first whose table has a route to the client decides.
 * So all routes of these tables are there, not only those with metrics; a
 * `throw` route is there as none.
 */
#ifndef RULED_H
#define RULED_H

#include "routing.h"
#include "synkeeper/abi.h"

struct ruled_entry {
	struct ruled_key to;
	struct route_metrics says;
};

struct ruled_list {
	struct route_rules rules[2]; /* [v6] */
	struct ruled_entry *all;     /* owned; sorted by ruled_compare() */
	size_t n;
};

/* Returns 0 or -ENOMEM, with *@ret unchanged. */
int ruled_choose(const struct routing *v4, const struct routing *v6,
		 struct ruled_list *ret);
void ruled_free(struct ruled_list *l);

/* By the bytes of the keys, for qsort() and bsearch(). */
int ruled_compare(const void *a, const void *b);

/* Does any bound the scale? */
bool ruled_bound_window(const struct ruled_list *l);

#endif
