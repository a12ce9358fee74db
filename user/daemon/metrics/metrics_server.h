/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: GET /metrics by HTTP, on the daemon's loop and without
 * threads. libmicrohttpd speaks HTTP; sockets are listened on and accepted
 * here, so that what is one too many is closed at once instead of waiting.
 *
 * Whoever connects is a stranger. There are METRICS_CLIENTS_MAX connections at
 * most; one more takes the place of another, which metrics_guests.h chooses:
 * one of those who have the most. Each has METRICS_MEMORY bytes for what it
 * says, brings one request, and ends after METRICS_LIFE_S whatever it does, or
 * after METRICS_IDLE_S in which it does nothing. The text is made at most
 * once in METRICS_FRESH_MS and shared by all who ask meanwhile. All of it comes
 * behind the daemon's other work.
 */
#ifndef METRICS_SERVER_H
#define METRICS_SERVER_H

#include <systemd/sd-event.h>

#include "text/addr.h"

struct metrics_server;

enum {
	METRICS_CLIENTS_MAX = 16,
	METRICS_BACKLOG = 256, /* until they are accepted, or closed */
	METRICS_MEMORY = 8192,
	METRICS_IDLE_S = 3,
	METRICS_LIFE_S = 10, /* as long as Prometheus waits by default */
	METRICS_FRESH_MS = 500,
};

/* Makes the text; *@ret is freed by the server. Returns 0 or -errno. */
typedef int (*metrics_make)(void *data, char **ret, size_t *ret_len);

/* Listens at @at. Logs what failed and returns -errno. */
int metrics_start(sd_event *loop, const struct listen *at, metrics_make make,
		  void *data, struct metrics_server **ret);
void metrics_stop(struct metrics_server *s);

#endif
