/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: all connections that their owner has are looked at, so
 * that the table is known to be complete but for marked sets
 * (synkeeper/session_table.h). That is done when a service is armed: at once
 * with half-open requests, since a cookie in answer to the retransmitted SYN
 * would have the kernel reset its client; then, in slices, with all the rest,
 * TIME-WAIT (which the kernel may reopen) included. It is done again when the
 * kernel's own cookies have run out, for connections that came in by one; and
 * now and then while sets are marked, to mark only those that still lack
 * something. As long as it goes on nobody relies on the table being complete.
 */
#ifndef RESYNC_H
#define RESYNC_H

#include <systemd/sd-event.h>

#include "host/host.h"
#include "service/services.h"
#include "sessions.h"

/* What it needs; all of it outlives it. */
struct resync_deps {
	struct sessions *sessions;
	const struct services *services; /* whose connections there are */
	struct owner *owner;		 /* its walk is resync's */
	struct host *host;		 /* when the kernel's cookies run out */
};

struct resync {
	struct resync_deps deps;
	sd_event_source *timer;
	bool walking;
	bool enter; /* what is unknown; else mark its set */
	bool again; /* something was armed meanwhile */
};

/* Returns 0 or -errno, logged. resync_stop() is due in any case. */
int resync_start(struct resync *r, sd_event *loop,
		 const struct resync_deps *deps);
void resync_stop(struct resync *r);

/*
 * A service was armed just now, or an interface attached: enters every
 * connection there is. @kernels: it answered with the kernel's cookies so far.
 */
void resync_now(struct resync *r, bool kernels);

#endif
