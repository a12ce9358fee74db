/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: what Prometheus gets to read, in its text format (0.0.4).
 * One function makes the text, whoever asks for it: metrics_server.h serves it
 * by HTTP, the request "metrics" by the control socket.
 *
 * Names, types and help texts stand in one table in metrics.c; a new reason,
 * state or cause becomes a label by itself. What a service has is bounded by
 * leaving out what never happened: reasons never counted, and the sessions of
 * services that never had one.
 */
#ifndef METRICS_H
#define METRICS_H

#include <stdio.h>

#include "metrics_server.h"
#include "control/requests.h"

/*
 * A metrics_make; @daemon is a struct daemon. The text is UTF-8, and the
 * caller's. Returns 0 or -errno.
 */
int metrics_text(void *daemon, char **ret, size_t *ret_len);

/* The request "metrics". */
json_t *request_metrics(struct daemon *d, struct request *r);

/* ---- what the files of metrics share ---- */

enum { METRICS_LABELS_MAX = 128 };

/* What the maps said of one service. */
struct metrics_row {
	const struct service *service; /* NULL: traffic to no service */
	char labels[METRICS_LABELS_MAX];
	struct counters counters;
	struct counters would;
	struct session_totals totals;
};

struct metrics_page {
	FILE *out;
	const struct daemon *daemon;
	const char *family; /* being printed */
	struct metrics_row *rows;
	size_t n_rows;
	struct session_totals all; /* of deleted services, too */
};

/* One line; @fmt makes the labels in their braces. Counts fit a double. */
void metrics_sample(const struct metrics_page *p, double value, const char *fmt,
		    ...) __attribute__((format(printf, 3, 4)));

/* metrics_sessions.c: the families that tell of sessions */
void metrics_states(const struct metrics_page *p);
void metrics_remnants(const struct metrics_page *p);
void metrics_opened(const struct metrics_page *p);
void metrics_ended(const struct metrics_page *p);
void metrics_durations(const struct metrics_page *p);
void metrics_alive(const struct metrics_page *p);
void metrics_max(const struct metrics_page *p);
void metrics_lost(const struct metrics_page *p);

#endif
