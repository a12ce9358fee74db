/* SPDX-License-Identifier: GPL-2.0-only */
#include "attack.h"

#include <stdio.h>

#include "text/reason.h"

enum { SECOND_NS = 1000000000, BAD_SHARE = 4 };

/* Counters restart from 0 with a new service. */
static __u64 growth(__u64 before, __u64 now)
{
	return now > before ? now - before : 0;
}

static bool is_flood(const struct attack *a, unsigned int threshold,
		     __u64 packets, __u64 bad)
{
	return bad * BAD_SHARE >= packets &&
	       a->rate >= (a->running ? (threshold + 1) / 2 : threshold);
}

static enum attack_changes begin(struct attack *a)
{
	a->running = a->ever = true;
	a->began_ns = a->last.clock_ns;
	a->peak = a->total = a->after = 0;
	return ATTACK_BEGAN;
}

enum attack_changes attack_stop(struct attack *a)
{
	bool was = a->running;

	a->running = a->looked = false;
	a->rate = 0;
	return was ? ATTACK_ENDED : ATTACK_NOTHING;
}

enum attack_changes attack_step(struct attack *a, unsigned int threshold,
				const struct attack_look *look)
{
	enum attack_changes changes = ATTACK_NOTHING;
	__u64 ns = growth(a->last.clock_ns, look->clock_ns);
	__u64 packets = growth(a->last.packets, look->packets), bad;

	if (!a->looked || !ns) { /* earlier packets belong to no second */
		a->last = a->looked ? a->last : *look;
		a->looked = true;
		return ATTACK_NOTHING;
	}
	bad = growth(growth(a->last.good, look->good), packets);
	a->rate = (__u64)((double)bad * SECOND_NS / (double)ns);
	if (is_flood(a, threshold, packets, bad)) {
		if (!a->running)
			changes = begin(a);
		a->total += a->after + bad;
		a->after = 0;
		a->high_ns = look->clock_ns;
		a->peak = a->peak > a->rate ? a->peak : a->rate;
	} else if (a->running) {
		a->after += bad;
		if (look->clock_ns - a->high_ns >= ATTACK_CALM_MS * 1000000ULL)
			changes = attack_stop(a);
	}
	a->looked = true;
	a->last = *look;
	return changes;
}

/* ---- what counts as what ---- */

static const unsigned int uses[ATTACK_KINDS] = {
	[ATTACK_SYN] = AS_SYN_FLOOD,
	[ATTACK_ACK] = AS_ACK_FLOOD,
	[ATTACK_RST] = AS_RST_FLOOD,
	[ATTACK_MALFORMED] = AS_MALFORMED,
};

void attack_count(enum attack_kind kind, const struct counters *c,
		  const struct counters *monitored, struct attack_look *ret)
{
	/* @would lacks what passes in any case */
	ret->packets = reason_count(c->packets, uses[kind]) +
		       reason_count(monitored->packets, uses[kind]);
	ret->good = kind == ATTACK_SYN ? reason_count(c->packets, AS_OPENED)
				       : 0;
}

static const char *const labels[] = {
#define X(name, label, text) label,
	SYNKEEPER_ATTACKS(X)
#undef X
};

static const char *const texts[] = {
#define X(name, label, text) text,
	SYNKEEPER_ATTACKS(X)
#undef X
};

const char *attack_label(enum attack_kind kind)
{
	return labels[kind];
}

const char *attack_text(enum attack_kind kind)
{
	return texts[kind];
}

const char *attack_rate_format(__u64 rate, char buf[ATTACK_RATE_STRLEN])
{
	static const char units[] = " kMG";
	double n = (double)rate;
	size_t unit = 0;

	while (n >= 999.5 && units[unit + 1]) {
		n /= 1000;
		unit++;
	}
	if (!unit)
		snprintf(buf, ATTACK_RATE_STRLEN, "%.0f/s", n);
	else
		snprintf(buf, ATTACK_RATE_STRLEN,
			 n < 9.95 ? "%.1f%c/s" : "%.0f%c/s", n, units[unit]);
	return buf;
}
