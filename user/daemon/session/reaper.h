/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: ends sessions that nobody will end otherwise. The
 * kernel's socket has the last word, so it is asked (owner/owner.h) before a
 * live session goes. Two walks run, each in slices of a few milliseconds on the
 * daemon's loop, so that a table of millions never holds it up:
 *
 *	time-outs	walks the table once a second; what was idle longer
 *			than its state may be ends, and so does a session whose
 *			client sent RST, if its socket is gone. A pending
 *			session's client is asked for its cookie again: probe.h
 *	audit		walks the table twice a minute; asks the kernel about
 *			sessions that were idle for a while, and mends those of
 *			which it knows better: no packet tells that a
 *			retransmission timed out.
 */
#ifndef REAPER_H
#define REAPER_H

#include <systemd/sd-event.h>

#include "owner/owner.h"
#include "probe.h"
#include "sessions.h"

/* One walk of the table, in slices. */
struct sweep {
	__u32 next_set; /* 0: begins anew */
	__u64 begun_ns;
};

struct reaper {
	struct sessions *sessions;
	struct owner *owner;
	struct probe probe;
	__u32 limits[SESSION_STATES]; /* ticks */
	struct sweep timeouts, audit;
	__u64 evictions; /* as of the last line in the log */
	sd_event_source *timeouts_timer, *audit_timer;
};

/* Begins to reap on @loop. Returns 0 or -errno, logged. Needs CAP_NET_RAW. */
int reaper_start(struct reaper *r, sd_event *loop, struct sessions *s,
		 struct owner *owner, const struct config *c);
/* Takes the time-outs from @c. */
void reaper_configure(struct reaper *r, const struct config *c);
void reaper_stop(struct reaper *r);

#endif
