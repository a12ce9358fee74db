/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: user space's hold on the session table (layout and
 * rules: synkeeper/table.h). Both maps are mapped into memory, so counting,
 * entering and removing cost no system call. The reaper walks a slice of the
 * sets each time it is called and removes what is over: pending sessions that
 * got no socket, and idle ones whose socket is gone; for those it asks the
 * kernel, a bounded number of times a call. The client of a pending session
 * is asked, too (probe.h).
 */
#ifndef SESSIONS_H
#define SESSIONS_H

#include "loader.h"
#include "probe.h"
#include "sockdiag.h"

struct sessions {
	struct settings *settings;
	struct session_set *tags;
	struct session *entries;
	__u32 sets;
	__u32 next_set; /* where the reaper goes on */
	__u32 pending_ticks;
	__u32 idle_ticks;
	struct probe probe;
};

struct session_counts {
	__u32 pending;
	__u32 established;
	__u32 time_wait;
};

/* Maps the tables. @settings must hold set_mask and the hash's secrets. */
int sessions_init(struct sessions *s, const struct loader *l,
		  struct settings *settings, const struct config *c);
void sessions_free(struct sessions *s);

void sessions_count(const struct sessions *s, struct session_counts *ret);

/*
 * Enters a session for a socket in @tcp_state (TCP_xxx), if it is not there and
 * its set has room. For what the kernel held before a service was armed.
 */
void sessions_enter(struct sessions *s, const struct tuple *t, __u16 service,
		    int tcp_state);

/* One slice of the walk; a tenth of the table, and @asks questions at most. */
void sessions_reap(struct sessions *s, struct sockdiag *diag, int asks);

#endif
