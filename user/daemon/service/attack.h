/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: when a service is under attack, and by what kind of
 * flood. Counters are read once a second. A flood begins when more packets of
 * its kind arrived in a second than the threshold, and ends when their rate has
 * stayed below half of that for ATTACK_CALM_MS: pulses, or a rate around the
 * threshold, are one attack. SYNs of good clients are no flood, however many:
 * those that became connections are subtracted, and the remainder must be a
 * quarter of all SYNs, since in a sudden rush the last ones are still in
 * progress. Pure: takes timed counts, returns what changed.
 */
#ifndef ATTACK_H
#define ATTACK_H

#include <stdbool.h>

#include "synkeeper/abi.h"

/* X(KIND, "label", "text in messages") */
#define SYNKEEPER_ATTACKS(X)       \
	X(SYN, "syn", "SYN flood") \
	X(ACK, "ack", "ACK flood") \
	X(RST, "rst", "RST flood") \
	X(MALFORMED, "malformed", "flood of malformed packets")

enum attack_kind {
#define X(name, label, text) ATTACK_##name,
	SYNKEEPER_ATTACKS(X)
#undef X
		ATTACK_KINDS
};

enum {
	ATTACK_LOOK_MS = 1000,
	ATTACK_CALM_MS = 5000,
};

/* One kind's part of a service's counters, as read once. */
struct attack_look {
	__u64 clock_ns;
	__u64 packets; /* so far */
	__u64 good;    /* legitimate ones, so far */
};

enum attack_changes { ATTACK_NOTHING, ATTACK_BEGAN, ATTACK_ENDED };

struct attack {
	bool running;
	bool ever; /* since attack_reset() */
	bool looked;
	struct attack_look last;
	__u64 rate;	/* packets a second, latest */
	__u64 peak;	/* the highest rate of this attack */
	__u64 total;	/* packets of this attack */
	__u64 began_ns; /* one reading before it was detected */
	__u64 high_ns;	/* when the rate was last above half the threshold */
	__u64 after;	/* packets since then, not in total yet */
};

/*
 * @threshold: packets a second. After ATTACK_ENDED, rate and total are those of
 * the attack that ended, which lasted from began_ns to high_ns.
 */
enum attack_changes attack_step(struct attack *a, unsigned int threshold,
				const struct attack_look *look);

/* Its counters are gone. Returns ATTACK_ENDED if an attack was running. */
enum attack_changes attack_stop(struct attack *a);

/*
 * Extracts a kind from a service's counters. @would: counts of the packets that
 * a monitored service let pass.
 */
void attack_count(enum attack_kind kind, const struct counters *c,
		  const struct counters *monitored, struct attack_look *ret);

const char *attack_label(enum attack_kind kind); /* "syn" */
const char *attack_text(enum attack_kind kind);	 /* "SYN flood" */

/* "850/s" "30k/s" "1.2M/s"; returns @buf. */
enum { ATTACK_RATE_STRLEN = 16 };
const char *attack_rate_format(__u64 rate, char buf[ATTACK_RATE_STRLEN]);

#endif
