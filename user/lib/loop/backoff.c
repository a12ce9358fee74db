/* SPDX-License-Identifier: GPL-2.0-only */
#include "backoff.h"
#include "kernel/clock.h"

enum { FIRST_MS = 1000, LAST_MS = 60000 };

bool backoff_due(struct backoff *b)
{
	__u64 now = clock_ns(), calm_ns = LAST_MS * 1000000ULL;

	if (now < b->due_ns)
		return false;
	if (now > b->due_ns + calm_ns)
		b->ms = 0;
	b->ms = b->ms ? b->ms * 2 : FIRST_MS;
	if (b->ms > LAST_MS)
		b->ms = LAST_MS;
	b->due_ns = now + b->ms * 1000000ULL;
	return true;
}
