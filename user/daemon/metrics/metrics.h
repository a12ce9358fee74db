/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: what Prometheus gets to read, in its text format
 * (0.0.4). One function makes the text, whoever asks for it: metrics_server.h
 * serves it by HTTP, the request "metrics" by the control socket.
 *
 * Names, types and help texts stand in one table in metrics.c; a new reason,
 * state or cause becomes a label by itself. What a service has is bounded by
 * leaving out what never happened: reasons never counted, and the sessions of
 * services that never had one.
 */
#ifndef METRICS_H
#define METRICS_H

#include "control/request.h"
#include "iface/ifaces.h"
#include "keys/keys.h"
#include "service/attacks.h"
#include "session/sessions.h"

/* What is read; nothing is changed. All of it outlives whoever asks. */
struct metrics_sources {
	time_t started_s; /* since 1970 */
	const struct loader *loader;
	const struct keys *keys;
	const struct ifaces *ifaces;
	const struct services *services;
	const struct attacks *attacks;
	const struct sessions *sessions;
};

/*
 * A metrics_make; @sources is a struct metrics_sources. The text is UTF-8, and
 * the caller's. Returns 0 or -errno.
 */
int metrics_text(void *sources, char **ret, size_t *ret_len);

/* "metrics", of a struct metrics_sources */
extern const struct request_handler metrics_requests[];

#endif
