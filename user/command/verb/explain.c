/* SPDX-License-Identifier: GPL-2.0-only */
/* Theory of operation: see explain.h. */
#include "explain.h"

static const struct explanation explanations[] = {
#define CAUSES(...)         \
	{                   \
		__VA_ARGS__ \
	}
#define REASON(name, action, hooks, packets, uses, text, meaning, causes, \
	       remedy)                                                    \
	[REASON_##name] = { meaning, causes, remedy },
#include "synkeeper/reason_table.h"
};

const struct explanation *explain(enum reason reason)
{
	return &explanations[reason];
}
