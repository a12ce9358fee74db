/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: a splice outlives its session (see owner/splices.h).
 * This walks all splices every few seconds, in slices, and removes those that
 * have neither a session nor packets any more.
 */
#ifndef LINGERING_H
#define LINGERING_H

#include <systemd/sd-event.h>

#include "owner/splices.h"
#include "sessions.h"

struct lingering {
	struct splices *splices;
	const struct sessions *sessions;
	sd_event_source *timer;
};

/* Returns 0 or -errno, logged. */
int lingering_start(struct lingering *l, sd_event *loop,
		    struct splices *splices, const struct sessions *s);
void lingering_stop(struct lingering *l);

/* Counts the splices of live sessions now; blocks for milliseconds. */
__u32 lingering_count_live(const struct lingering *l);

#endif
