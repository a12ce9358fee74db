/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: one comparison of a rule with a packet, see rules.h.
 */
#ifndef RULES_MATCH_H
#define RULES_MATCH_H

#include "rules.h"

/* A member of @object that is a string, or "". */
const char *rules_text(const json_t *object, const char *member);

enum rules_truth { RULES_NO, RULES_MAYBE, RULES_YES };

/* {"op": "==", "left": FIELD, "right": VALUE} */
enum rules_truth rules_match(const struct rules_packet *p, const json_t *match);

/* Is the packet's FIELD, such as {"ct": {"key": "state"}}, @value? */
enum rules_truth rules_equals(const struct rules_packet *p, const json_t *field,
			      const json_t *value);

#endif
