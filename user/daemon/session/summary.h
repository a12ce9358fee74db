/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: keeps the summary of the session table
 * (synkeeper/session_summary.h) as sparse as its sessions are: every few
 * seconds it builds a new one from the tags, in slices, sized for the sessions
 * that the last walk found, and lets it take the other's place. A walk reads 32
 * bytes a set: 4 MB for a million sessions, a millisecond or two.
 */
#ifndef SUMMARY_H
#define SUMMARY_H

#include <systemd/sd-event.h>

#include "sessions.h"

struct summary {
	struct sessions *sessions; /* outlives it; NULL: not started */
	sd_event_source *timer;
	__u32 next_set; /* of the walk */
	__u32 found;	/* sessions, by the walk so far, or the last one */
	bool building;
};

/* Returns 0 or -errno, logged. Call summary_stop() in either case. */
int summary_start(struct summary *s, sd_event *loop, struct sessions *sessions);
void summary_stop(struct summary *s);

/*
 * What the timer does, for tests: begins a new summary; takes in up to @sets
 * more sets, and returns whether these were the last; lets it take the place of
 * the former, which nobody may read any more when the next one is begun.
 */
void summary_begin(struct summary *s);
bool summary_walk(struct summary *s, __u32 sets);
void summary_finish(struct summary *s);

#endif
