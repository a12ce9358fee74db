/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: what a reason's name means, for the command, which
 * gets reasons by name from the daemon. A daemon of another version may know
 * more of them; those count for nothing here but are still shown.
 */
#ifndef REASON_H
#define REASON_H

#include <jansson.h>

enum reason_action { REASON_PASS, REASON_DROP, REASON_TX };

struct reason_info {
	const char *name;
	enum reason_action action;
	const char *text;
};

/* In the order of reasons.h; NULL beyond its end, or for an unknown name. */
const struct reason_info *reason_at(size_t i);
const struct reason_info *reason_find(const char *name);

/* "pass", "drop", "tx" */
const char *reason_action_name(enum reason_action action);

/* How many of @packets, {REASON: n}, had that action. */
json_int_t reason_sum(const json_t *packets, enum reason_action action);

#endif
