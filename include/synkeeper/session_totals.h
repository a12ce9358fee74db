/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: part of the maps' layouts (abi.h): what is counted of a
 * service's sessions. Words of 64 bits only: rows of them are added.
 */
#ifndef SYNKEEPER_SESSION_TOTALS_H
#define SYNKEEPER_SESSION_TOTALS_H

#include "synkeeper/session_state.h"
#include "types.h"

/* Bucket bounds for session durations, in ms; one more bucket above. */
#define SYNKEEPER_DURATIONS(X) \
	X(100)                 \
	X(1000)                \
	X(10000) X(60000) X(300000) X(900000) X(3600000) X(14400000) X(86400000)

enum {
#define X(ms) +1
	DURATIONS = 1 SYNKEEPER_DURATIONS(X),
#undef X
};

/*
 * The session stats of a service; changed by atomic additions only, see
 * session_stats.h. Invariant: sum(alive[PENDING..CLOSING*]) = opened - ended.
 */
struct session_totals {
	__u64 events[16];	    /* by enum session_event */
	__u64 alive[16];	    /* by enum session_state */
	__u64 durations[DURATIONS]; /* of those that ended */
	__u64 duration_ticks;	    /* sum of their durations */
	__u64 lost;		    /* events lost to a full ring */
};
_Static_assert(SESSION_EVENTS <= 16 && SESSION_STATES <= 16, "abi");

#endif
