/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the daemon's whole state, only for the files in this
 * directory: they wire the parts (daemon.c), run them (part.c, main_loop.c),
 * change several at once (reload.c), or report on all (daemon_requests.c).
 */
#ifndef STATE_H
#define STATE_H

#include "daemon.h"
#include "iface/link_events.h"
#include "iface/pin_watch.h"
#include "metrics/metrics.h"
#include "metrics/metrics_server.h"
#include "service/arm.h"
#include "service/service_requests.h"
#include "session/events.h"
#include "session/lingering.h"
#include "session/resync.h"
#include "session/session_requests.h"
#include "session/summary.h"

enum { DAEMON_REQUEST_TABLES = 9 };

struct daemon {
	const struct part *parts;
	size_t started; /* parts started */

	struct config config;	    /* in force */
	struct source_list sources; /* its lists, until in force */
	int (*configure)(struct config *ret, char *err);
	__u64 started_ns;
	time_t started_s; /* since 1970 */
	bool ending;	  /* disarmed; detaches after the drain */

	struct loader loader;
	struct settings *settings; /* the map, mapped */
	struct host host;
	struct next_hops next_hops;
	struct cluster cluster;
	struct keys keys;
	struct totals totals;
	struct sessions sessions;
	struct rawtcp raw;
	struct splices splices;
	struct owner *owner;
	struct ifaces ifaces;
	struct nat *nat;
	struct services *services;
	struct bypasses *bypasses;
	sd_event *loop;
	sd_event_source *tick;
	struct events events;
	struct reaper reaper;
	struct lingering lingering;
	struct summary summary;
	struct resync resync;
	struct arm *arm;
	struct link_events link_events;
	struct attacks *attacks;
	struct control_server *control;
	struct watch watch;
	struct metrics_server *metrics; /* NULL: no endpoint */
	struct pin_watch pins;

	/* what the request handlers work on */
	struct service_request_deps service_requests;
	struct session_request_deps session_requests;
	struct metrics_sources metrics_sources;
	struct request_table requests[DAEMON_REQUEST_TABLES];
};

#endif
