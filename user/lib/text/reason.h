/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the table of reasons as one that can be walked and
 * searched. The command gets reasons by name from the daemon. A daemon of
 * another version may know more of them; those count for nothing here but are
 * still shown.
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
	const char *text;     /* what happened, half a line */
};

/*
 * In the order of the table; NULL beyond its end, or for an unknown name. Words
 * of a name may be joined by '-', too.
 */
const struct reason_info *reason_at(size_t i);
const struct reason_info *reason_find(const char *name);
/* Is @word how people write @name? bad-cookie is bad_cookie. */
bool reason_is_called(const char *name, const char *word);

/*
 * The names that @word may have been meant for, "bad_cookie or bad_flags", in
 * @buf of REASON_NEAR_MAX bytes, which is returned; "" if none is near.
 * @drops: only those that drop.
 */
enum { REASON_NEAR_MAX = 128 };
const char *reason_near(const char *word, bool drops, char *buf);

/* "pass", "drop", "tx" */
const char *reason_action_name(enum reason_action action);

/* How many of a service's @packets, by reason, are of any of these @uses. */
__u64 reason_count(const __u64 packets[REASON_COUNT], unsigned int uses);

/*
 * Is it what becomes of a SYN to a service? Of those that other packets can
 * meet, too (fragment, bad_address, ...), the counters do not tell.
 */
bool reason_is_syn(const struct reason_info *r);
/* Is it counted in addition to the verdict on arrival, or on the way out? */
bool reason_is_later(const struct reason_info *r);

/* The sum of {REASON: packets a second} of those that @is. */
double reason_rate_of(const json_t *per_second,
		      bool (*is)(const struct reason_info *r));

/* How many of @packets, {REASON: n}, had that action. */
json_int_t reason_sum(const json_t *packets, enum reason_action action);

/* The same of rates. */
double reason_rate(const json_t *per_second, enum reason_action action);

#endif
