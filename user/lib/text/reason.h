/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: iterates over the table of reasons and searches it. The
 * command gets reasons from the daemon, by name; those that only a daemon of
 * another version has are shown, but not counted here.
 */
#ifndef REASON_H
#define REASON_H

#include <jansson.h>
#include <linux/types.h>
#include <stdbool.h>

#include "synkeeper/reasons.h"

enum reason_action { REASON_PASS, REASON_DROP, REASON_TX };

struct reason_info {
	const char *name;
	enum reason number; /* the index of its counter */
	enum reason_action action;
	unsigned int hooks;   /* bits of enum reason_hook */
	unsigned int packets; /* bits of enum reason_packet */
	unsigned int uses;    /* bits of enum reason_use */
	const char *text;     /* what happened, in a few words */
};

/*
 * In the order of the table; NULL beyond its end, or for an unknown name. '-'
 * may stand for '_'.
 */
const struct reason_info *reason_at(size_t i);
const struct reason_info *reason_find(const char *name);
/* Is @word @name? '-' may stand for '_'. */
bool reason_is_called(const char *name, const char *word);

/*
 * Suggestions for the unknown name @word, "bad_cookie or bad_flags", in @buf of
 * REASON_NEAR_MAX bytes, which is returned; "" if there are none. @drops: only
 * reasons that drop.
 */
enum { REASON_NEAR_MAX = 128 };
const char *reason_near(const char *word, bool drops, char *buf);

/* "pass", "drop", "tx" */
const char *reason_action_name(enum reason_action action);

/* The sum of a service's @packets whose reason has any of @uses. */
__u64 reason_count(const __u64 packets[REASON_COUNT], unsigned int uses);

/*
 * Do only SYNs to a service have it? For reasons that others can have as well
 * (fragment, bad_address, ...) counters cannot tell.
 */
bool reason_is_syn(const struct reason_info *r);
/* Is it counted in addition to the verdict on arrival, or on the way out? */
bool reason_is_later(const struct reason_info *r);

/* The sum of {REASON: packets a second} of those that @is. */
double reason_rate_of(const json_t *per_second,
		      bool (*is)(const struct reason_info *r));

/* The sum of @packets, {REASON: n}, whose reason has that action. */
json_int_t reason_sum(const json_t *packets, enum reason_action action);

/* The same for rates. */
double reason_rate(const json_t *per_second, enum reason_action action);

#endif
