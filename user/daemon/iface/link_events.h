/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the kernel tells when a device comes, goes, or becomes
 * the port of another, and the interfaces are looked at then. Events may be
 * lost, or come by the thousand (containers begin): what they say is not read,
 * only that there are some, and a look follows at most every
 * LINK_EVENTS_LOOK_MS. The tick looks in any case.
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
 * Calls @changed when something may have. Returns 0 or -errno, logged.
 * link_events_stop() is due in any case.
 */
int link_events_start(struct link_events *e, sd_event *loop,
		      void (*changed)(void *data), void *data);
void link_events_stop(struct link_events *e);

#endif
