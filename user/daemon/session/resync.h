/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: a walk over all connections of their owner, after which
 * the session table is known to be complete except for incomplete sets
 * (synkeeper/session_table.h). It runs when a service is armed: at once for
 * half-open requests, since a cookie in answer to a retransmitted SYN would
 * make the kernel reset its client; then, in slices, for all others, including
 * TIME-WAIT (which the kernel may reopen). It runs again when the kernel's own
 * cookies have expired, for connections that they admitted; and periodically
 * while there are incomplete sets, to keep only those that still lack
 * something. While it runs, nothing relies on the table being complete.
 */
#ifndef RESYNC_H
#define RESYNC_H

#include <systemd/sd-event.h>

#include "host/host.h"
#include "service/services.h"
#include "sessions.h"

/* Everything here must outlive struct resync. */
struct resync_deps {
	struct sessions *sessions;
	const struct services *services; /* the services to match connections */
	struct owner *owner;		 /* only resync uses its walk */
	struct host *host;		 /* when the kernel's cookies expire */
};

struct resync {
	struct resync_deps deps;
	sd_event_source *timer;
	bool walking;
	bool enter; /* unknown ones; else their set is incomplete */
	bool again; /* something was armed since */
};

/* Returns 0 or -errno, logged. Call resync_stop() in either case. */
int resync_start(struct resync *r, sd_event *loop,
		 const struct resync_deps *deps);
void resync_stop(struct resync *r);

/*
 * A service was just armed, or an interface attached: enters every existing
 * connection. @kernels: it answered with the kernel's cookies until now.
 */
void resync_now(struct resync *r, bool kernels);

#endif
