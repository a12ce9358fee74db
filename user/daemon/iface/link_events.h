/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the kernel announces when a device appears, disappears
 * or becomes a port of another, and the interfaces are then polled. Events may
 * be lost, or come by the thousand (containers starting), so their content is
 * ignored: they only trigger a poll, at most one every LINK_EVENTS_LOOK_MS. The
 * tick polls in any case.
 */
#ifndef LINK_EVENTS_H
#define LINK_EVENTS_H

#include <systemd/sd-event.h>

#include "synkeeper/types.h"

enum { LINK_EVENTS_LOOK_MS = 20 };

struct link_events {
	struct mnl_socket *nl;
	sd_event_source *io, *timer;
	__u64 looked_ns;
	void (*changed)(void *data);
	void *data;
};

/*
 * Calls @changed when something may have changed. Returns 0 or -errno, logged.
 * Call link_events_stop() in either case.
 */
int link_events_start(struct link_events *e, sd_event *loop,
		      void (*changed)(void *data), void *data);
void link_events_stop(struct link_events *e);

#endif
