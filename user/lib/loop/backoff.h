/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: spaces out what is tried again: at once, after 1 s, 2 s,
 * ... 60 s. A minute after a try was due and nobody asked, all begins anew.
 */
#ifndef BACKOFF_H
#define BACKOFF_H

#include "synkeeper/types.h"

/* All zero: nothing was tried yet. */
struct backoff {
	__u64 due_ns;
	unsigned int ms;
};

/* Whether to try now; if so, the next try is put off. */
bool backoff_due(struct backoff *b);

#endif
