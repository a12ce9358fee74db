/* SPDX-License-Identifier: GPL-2.0-only */
#include "arming.h"

void arming_begin(struct arming *a, bool armed)
{
	*a = (struct arming){ .armed = armed };
}

enum { LOOK_NS = ARMING_LOOK_MS * 1000000 };

/* Keeps the sum of one second. A late poll counts in full. */
static void note_syns(struct arming *a, const struct arming_look *look)
{
	__u64 more = look->syns - a->last.syns;
	unsigned int seen = look->syns < a->last.syns ? 0
			    : more > 0x7fffffff / ARMING_LOOKS
				    ? 0x7fffffff / ARMING_LOOKS
				    : (unsigned int)more;

	if (a->last.clock_ns - a->since_ns >= LOOK_NS) {
		a->now = (a->now + 1) % ARMING_LOOKS;
		a->since_ns = a->last.clock_ns;
		a->rate -= a->syns[a->now];
		a->syns[a->now] = 0;
	}
	a->rate += seen;
	a->syns[a->now] += seen;
}

/* The cause that has reached 1/@part of its threshold. */
static enum arming_cause cause_of(const struct arming *a,
				  const struct arming_limits *l,
				  const struct arming_look *look,
				  unsigned int part)
{
	if ((__u64)a->rate * part >= l->syn_rate)
		return ARMING_RATE;
	if (look->backlog &&
	    (__u64)look->queue * 100 * part >= (__u64)look->backlog * l->queue)
		return ARMING_QUEUE;
	if (look->overflows > a->last.overflows && a->rate)
		return ARMING_OVERFLOW;
	return ARMING_NONE;
}

bool arming_step(struct arming *a, const struct arming_limits *l,
		 const struct arming_look *look)
{
	enum arming_cause cause;

	if (!a->looked) { /* earlier SYNs belong to no second */
		a->last = *look;
		a->since_ns = a->uneasy_ns = look->clock_ns;
		a->looked = true;
	}
	note_syns(a, look);
	cause = cause_of(a, l, look, a->armed ? 2 : 1);
	a->last = *look;
	if (cause) {
		a->uneasy_ns = look->clock_ns;
		a->cause = cause;
		a->armed = true;
	} else if (look->clock_ns - a->uneasy_ns >= l->calm_ms * 1000000ULL) {
		a->armed = false;
	}
	return a->armed;
}
