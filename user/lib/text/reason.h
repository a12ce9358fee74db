/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: reasons.h as a table that can be walked and searched.
 * The command gets reasons by name from the daemon. A daemon of another version
 * may know more of them; those count for nothing here but are still shown.
 */
#ifndef REASON_H
#define REASON_H

#include <jansson.h>
#include <stdbool.h>

#include "synkeeper/reasons.h"

enum reason_action { REASON_PASS, REASON_DROP, REASON_TX };

struct reason_info {
	const char *name;
	enum reason number; /* the index of its counter */
	enum reason_action action;
	const char *text;
};

/*
 * In the order of reasons.h; NULL beyond its end, or for an unknown name. Words
 * of a name may be joined by '-', too.
 */
const struct reason_info *reason_at(size_t i);
const struct reason_info *reason_find(const char *name);

/*
 * The names that @word may have been meant for, "bad_cookie or bad_flags", in
 * @buf of REASON_NEAR_MAX bytes, which is returned; "" if none is near.
 * @drops: only those that drop.
 */
enum { REASON_NEAR_MAX = 128 };
const char *reason_near(const char *word, bool drops, char *buf);

/* "pass", "drop", "tx" */
const char *reason_action_name(enum reason_action action);

/* How many of @packets, {REASON: n}, had that action. */
json_int_t reason_sum(const json_t *packets, enum reason_action action);

/* The same of rates. */
double reason_rate(const json_t *per_second, enum reason_action action);

#endif
