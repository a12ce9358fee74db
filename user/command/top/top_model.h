/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the data of `synkeeper top` and its formatting, without
 * a terminal: rates from two answers of the daemon, their history as bars, the
 * services in order (top_model.c), and each line as text that fits a number of
 * columns (top_lines.c). top_screen.c puts the lines on the screen.
 */
#ifndef TOP_MODEL_H
#define TOP_MODEL_H

#include <jansson.h>
#include <stdbool.h>

#include "text/reason.h"
#include "top_sources.h"

enum { TOP_HISTORY = 60, TOP_LINE_MAX = 1024, TOP_REASONS_MAX = 64 };

/* Sort orders of the services; the first ones are rates. */
enum top_order {
	TOP_IN,
	TOP_SYN,
	TOP_ANSWERED,
	TOP_DROPPED,
	TOP_RATES,
	TOP_SESSIONS = TOP_RATES,
	TOP_SERVICE,
	TOP_ORDERS,
};

/* The last values, the newest at next - 1. */
struct top_history {
	double value[TOP_HISTORY];
	size_t n, next;
};

/* The strings belong to the daemon's answers. */
struct top_service {
	const char *listen, *name, *policy;
	bool armed;
	bool monitored; /* monitored: rates of what it would have done */
	double rate[TOP_RATES];
	double sessions;
};

struct top_reason {
	const char *name;
	enum reason_action action;
	double rate;
};

/* Initially all zero. */
struct top {
	json_t *status, *stats, *totals, *rates; /* NULL: none yet */
	double when;				 /* of the answers */
	struct top_history history[TOP_RATES];
	struct top_service *services;
	size_t n_services;
	struct top_reason reason[TOP_REASONS_MAX];
	size_t n_reasons;
	struct top_sources sources;
	double opened, ended; /* sessions per second */
	enum top_order order;
};

/*
 * Consumes the answers to "status", "stats" and "session.totals", as of @when.
 * Returns 0 or -ENOMEM.
 */
int top_update(struct top *t, json_t *status, json_t *stats, json_t *totals,
	       double when);

/* The next answers will not be compared with the last ones. */
void top_gap(struct top *t);

/* Sorts the services. */
void top_sort(struct top *t, enum top_order order);

void top_free(struct top *t);

/* ---- lines, each into @buf of TOP_LINE_MAX bytes, which is returned ---- */

/*
 * The newest @width values, the newest last, as bars relative to the largest:
 * blocks if the terminal has @utf8, else ASCII characters of rising density.
 */
const char *top_sparkline(const struct top_history *h, size_t width, bool utf8,
			  char *buf);

/* A number in at most @width (>= 5) characters: 1,234,567 or 1.2M. */
const char *top_number(double n, int width, char *buf);

/* "eth0 native, eth1 skb" */
const char *top_ifaces(const struct top *t, char *buf);

/* The first problem and how many there are; "" if none. */
const char *top_health(const struct top *t, char *buf);

/* "1,234 of 1,048,576: 1,200 established, 34 half-closed" */
const char *top_sessions(const struct top *t, char *buf);

/* The services' heading, which marks the order, and their @i-th row. */
const char *top_service_head(const struct top *t, int cols, char *buf);
const char *top_service_row(const struct top *t, size_t i, int cols, char *buf);

const char *top_reason_row(const struct top *t, size_t i, int cols, char *buf);

/* The @i-th of those that top_sources_rank() found. */
const char *top_source_row(const struct top *t, size_t i, int cols, char *buf);

/* Why there are no such rows. */
const char *top_no_source(const struct top *t);

/* ---- layout ---- */

enum { TOP_LINES_MIN = 12, TOP_COLS_MIN = 60 };

/* Lines and columns count from 0; a number of rows may be 0. */
struct top_layout {
	bool fits; /* else the rest is undefined */
	int rates_y, sessions_y;
	int services_y, services; /* line of the heading, rows below it */
	int lower_y, lower;	  /* the same of reasons and sources */
	int keys_y;
	int spark_x, spark; /* first column and number of the bars */
	int sources_x;	    /* reasons are to the left of it */
};

void top_layout(int lines, int cols, size_t n_services, struct top_layout *ret);

#endif
