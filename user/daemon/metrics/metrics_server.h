/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: GET /metrics by HTTP, on the daemon's event loop and
 * without threads. libmicrohttpd speaks HTTP; listening and accepting are done
 * here, so that an excess connection is closed at once instead of waiting.
 *
 * Peers are untrusted. There are METRICS_CLIENTS_MAX connections at most; one
 * more replaces another, which metrics_guests.h chooses among those with the
 * most. Each has METRICS_MEMORY bytes for its request, makes one request, and
 * ends after METRICS_LIFE_S in any case, or after METRICS_IDLE_S of silence.
 * The text is made at most once in METRICS_FRESH_MS and shared by all requests
 * in that time. All of this runs after the daemon's other work.
 */
#ifndef METRICS_SERVER_H
#define METRICS_SERVER_H

#include <systemd/sd-event.h>

#include "text/addr.h"

struct metrics_server;

enum {
	METRICS_CLIENTS_MAX = 16,
	METRICS_BACKLOG = 256, /* before they are accepted or closed */
	METRICS_MEMORY = 8192,
	METRICS_IDLE_S = 3,
	METRICS_LIFE_S = 10, /* Prometheus' default timeout */
	METRICS_FRESH_MS = 500,
};

/* Makes the text; the server frees *@ret. Returns 0 or -errno. */
typedef int (*metrics_make)(void *data, char **ret, size_t *ret_len);

/* Listens at @at. Returns 0 or -errno, logged. */
int metrics_start(sd_event *loop, const struct listen *at, metrics_make make,
		  void *data, struct metrics_server **ret);
void metrics_stop(struct metrics_server *s);

#endif
