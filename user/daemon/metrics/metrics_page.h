/* SPDX-License-Identifier: GPL-2.0-only */
/* Theory of operation: shared by the files that make the text of metrics.h. */
#ifndef METRICS_PAGE_H
#define METRICS_PAGE_H

#include <stdio.h>

#include "metrics.h"

enum { METRICS_LABELS_MAX = 128 };

/* What was read about one service. */
struct metrics_row {
	const struct service *service; /* NULL: traffic to no service */
	char labels[METRICS_LABELS_MAX];
	struct counters counters;
	struct counters monitored;
	struct session_totals totals;
};

struct metrics_page {
	FILE *out;
	const struct metrics_sources *from;
	const char *family; /* being printed */
	struct metrics_row *rows;
	size_t n_rows;
	struct session_totals all; /* including deleted services */
};

/*
 * Prints one line; @fmt makes the labels with their braces. Counts fit a
 * double.
 */
void metrics_sample(const struct metrics_page *p, double value, const char *fmt,
		    ...) __attribute__((format(printf, 3, 4)));

/* metrics_cluster.c: the families about a shared secret */
void metrics_cluster(const struct metrics_page *p);
void metrics_clock(const struct metrics_page *p);

/* metrics_sessions.c: the families about sessions */
void metrics_states(const struct metrics_page *p);
void metrics_remnants(const struct metrics_page *p);
void metrics_opened(const struct metrics_page *p);
void metrics_ended(const struct metrics_page *p);
void metrics_durations(const struct metrics_page *p);
void metrics_alive(const struct metrics_page *p);
void metrics_max(const struct metrics_page *p);
void metrics_lost(const struct metrics_page *p);

#endif
