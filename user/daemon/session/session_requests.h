/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the requests about sessions. A kill walks the table in
 * parts of two milliseconds, one request each, so that a hundred thousand
 * sessions block nothing: the reply's cursor is where the next part starts. The
 * totals of all services are one reply, produced in such parts. A kill ends the
 * entry first, so that the RST sent for the connection matches no session to be
 * counted for.
 */
#ifndef SESSION_REQUESTS_H
#define SESSION_REQUESTS_H

#include "control/request.h"
#include "sessions.h"
#include "watch.h"

/* What the requests work on. Everything here must outlive them. */
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
/* The reply to a new watcher; @err is watch_add()'s. */
json_t *session_watching(struct request *r, int err);

#endif
