/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: explains a reason to whoever finds it in `synkeeper
 * stats` in the middle of an incident: what it means, how legitimate clients
 * cause it, and what to do. The texts are in synkeeper/reason_table.h.
 */
#ifndef EXPLAIN_H
#define EXPLAIN_H

#include "synkeeper/reasons.h"

enum { EXPLAIN_CAUSES_MAX = 4 };

/* Commands and configuration are in backquotes. */
struct explanation {
	const char *meaning;
	/* by legitimate clients; NULL after the last, unless full */
	const char *harmless_causes[EXPLAIN_CAUSES_MAX];
	const char *remedy;
};

/* Every reason has one. */
const struct explanation *explain(enum reason reason);

#endif
