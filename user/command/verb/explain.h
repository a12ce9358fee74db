/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: what stands behind a reason, for whoever finds it in
 * `synkeeper stats` at a bad hour: what it means, how a good client comes to
 * it, and what to do. The texts are in synkeeper/reason_table.h.
 */
#ifndef EXPLAIN_H
#define EXPLAIN_H

#include "synkeeper/reasons.h"

enum { EXPLAIN_INNOCENT_MAX = 4 };

/* Commands and configuration stand between backquotes. */
struct explanation {
	const char *meaning;
	/* how good clients come to it; NULL after the last, unless full */
	const char *innocent[EXPLAIN_INNOCENT_MAX];
	const char *cure;
};

/* Every reason has one. */
const struct explanation *explain(enum reason reason);

#endif
