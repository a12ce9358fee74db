/* SPDX-License-Identifier: GPL-2.0-only */
/* Theory of operation: one match of a rule, evaluated on a packet. */
#ifndef RULES_MATCH_H
#define RULES_MATCH_H

#include "rules.h"

/* The string member of @object, or "". */
const char *rules_text(const json_t *object, const char *member);

enum rules_truth { RULES_NO, RULES_MAYBE, RULES_YES };

/* {"op": "==", "left": FIELD, "right": VALUE} */
enum rules_truth rules_match(const struct rules_packet *p, const json_t *match);

/* Does the packet's @field, such as {"ct": {"key": "state"}}, equal @value? */
enum rules_truth rules_equals(const struct rules_packet *p, const json_t *field,
			      const json_t *value);

#endif
