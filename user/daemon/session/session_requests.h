/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the requests about sessions. A kill goes through the
 * table in parts of two milliseconds, a request each, so that a hundred
 * thousand of them hold nobody up: the reply's cursor is where the next part
 * begins. The totals of all services are one reply, made in such parts. The
 * entry ends first, so that the RST which is sent for the connection that ends
 * finds no session to be counted for.
 */
#ifndef SESSION_REQUESTS_H
#define SESSION_REQUESTS_H

#include "control/request.h"
#include "sessions.h"
#include "watch.h"

/* What the requests work on; all of it outlives them. */
struct session_request_deps {
	struct sessions *sessions;
	const struct services *services;
	struct owner *owner;
	const struct watch *watch;
};

/* "session.totals", ".kill", ".socket", ".watch" */
extern const struct request_handler session_requests[];
/* sample_requests.c: "sample.watch" */
extern const struct request_handler sample_requests[];

/* {"max" "alive" "pending" ...}: how many there are. */
json_t *sessions_json(const struct sessions *s);
/* The reply to who wants to watch; @err is watch_add()'s. */
json_t *session_watching(struct request *r, int err);

#endif
