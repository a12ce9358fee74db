/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: ends sessions that no packet ends. The kernel's socket
 * is authoritative, so it is queried (owner/owner.h) before a live session is
 * ended. Two walks run, each in slices of a few milliseconds on the daemon's
 * event loop, so that a table of millions never blocks it:
 *
 *	time-outs	walks the table once a second; what was idle longer
 *			than its state may be ends, and so does a session whose
 *			client sent RST, if its socket is gone. A pending
 *			session's client is asked for its cookie again: probe.h
 *	audit		walks the table twice a minute; asks the kernel about
 *			sessions that were idle for a while, and fixes those of
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
	__u32 next_set; /* 0: starts over */
	__u64 begun_ns;
};

struct reaper {
	struct sessions *sessions;
	struct owner *owner;
	const struct rawtcp *raw;
	__u32 splice_limits[SESSION_STATES]; /* ticks, of spliced ones */
	__u32 limits[SESSION_STATES];	     /* ticks */
	struct sweep timeouts, audit;
	__u64 evictions; /* when last logged */
	sd_event_source *timeouts_timer, *audit_timer;
};

/* Starts reaping on @loop. Returns 0 or -errno, logged. */
int reaper_start(struct reaper *r, sd_event *loop, struct sessions *s,
		 struct owner *owner, const struct rawtcp *raw,
		 const struct config *c);
/* Takes the timeouts from @c. */
void reaper_configure(struct reaper *r, const struct config *c);
void reaper_stop(struct reaper *r);

#endif
