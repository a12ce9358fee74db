/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: metrics in Prometheus' text format (0.0.4). One function
 * makes the text for every consumer: metrics_server.h serves it by HTTP, the
 * request "metrics" by the control socket.
 *
 * Names, types and help texts are in one table in metrics.c; a new reason,
 * state or cause becomes a label by itself. The number of series per service is
 * bounded by leaving out what never happened: reasons never counted, and
 * sessions of services that never had one.
 */
#ifndef METRICS_H
#define METRICS_H

#include "control/request.h"
#include "iface/ifaces.h"
#include "keys/keys.h"
#include "service/attacks.h"
#include "session/sessions.h"

/* What is read; nothing is changed. It must outlive every request. */
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
 * A metrics_make; @sources is a struct metrics_sources. The text is UTF-8 and
 * owned by the caller. Returns 0 or -errno.
 */
int metrics_text(void *sources, char **ret, size_t *ret_len);

/* "metrics", of a struct metrics_sources */
extern const struct request_handler metrics_requests[];

#endif
