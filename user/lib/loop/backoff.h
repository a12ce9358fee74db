/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: spaces out retries: at once, after 1 s, 2 s, ... 60 s.
 * It starts over a minute after a retry was due and nobody asked.
 */
#ifndef BACKOFF_H
#define BACKOFF_H

#include "synkeeper/types.h"

/* All zero: nothing has been tried yet. */
struct backoff {
	__u64 due_ns;
	unsigned int ms;
};

/* Is a try due? If so, schedules the next one. */
bool backoff_due(struct backoff *b);

#endif
