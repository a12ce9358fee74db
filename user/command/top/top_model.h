/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: what `synkeeper top` knows and how it is written, all
 * of it without a terminal: rates from two answers of the daemon, their last
 * minute as bars, services in order, and each line as text that fits a number
 * of columns. top_screen.c puts the lines on the screen.
 */
#ifndef TOP_MODEL_H
#define TOP_MODEL_H

#include <jansson.h>
#include <stdbool.h>

#include "text/reason.h"
#include "top_sources.h"

enum { TOP_HISTORY = 60, TOP_LINE_MAX = 1024, TOP_REASONS_MAX = 64 };

/* What the services may be in order of; the first are rates. */
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

/* The strings are of the daemon's answers. */
struct top_service {
	const char *listen, *name, *policy;
	bool armed;
	bool would; /* monitored: what it would have answered and dropped */
	double rate[TOP_RATES];
	double sessions;
};

struct top_reason {
	const char *name;
	enum reason_action action;
	double rate;
};

/* All zero to begin with. */
struct top {
	json_t *status, *stats, *totals, *rates; /* NULL: none yet */
	double when;				 /* of the answers */
	struct top_history history[TOP_RATES];
	struct top_service *services;
	size_t n_services;
	struct top_reason reason[TOP_REASONS_MAX];
	size_t n_reasons;
	struct top_sources sources;
	double opened, ended; /* sessions a second */
	enum top_order order;
};

/*
 * Takes the answers to "status", "stats" and "session.totals", which are
 * consumed, as of @when. Returns 0 or -ENOMEM.
 */
int top_update(struct top *t, json_t *status, json_t *stats, json_t *totals,
	       double when);

/* The next answers are not to be compared with the last ones. */
void top_gap(struct top *t);

/* Puts the services in another order. */
void top_sort(struct top *t, enum top_order order);

void top_free(struct top *t);

/* ---- lines, each into @buf of TOP_LINE_MAX bytes, which is returned ---- */

/*
 * The newest @width values, the newest last, as bars up to the largest of
 * them: blocks if the terminal has @utf8, else signs that get darker.
 */
const char *top_sparkline(const struct top_history *h, size_t width, bool utf8,
			  char *buf);

/* A number in at most @width letters, 5 or more: 1,234,567 or 1.2M. */
const char *top_number(double n, int width, char *buf);

/* "eth0 native, eth1 skb" */
const char *top_ifaces(const struct top *t, char *buf);

/* The first complaint and how many more there are; "" if all is well. */
const char *top_health(const struct top *t, char *buf);

/* "1,234 of 1,048,576: 1,200 established, 34 half-closed" */
const char *top_sessions(const struct top *t, char *buf);

/* The services' table: its head, which marks the order, and its @i-th row. */
const char *top_service_head(const struct top *t, int cols, char *buf);
const char *top_service_row(const struct top *t, size_t i, int cols, char *buf);

const char *top_reason_row(const struct top *t, size_t i, int cols, char *buf);

/* The @i-th of those that top_sources_rank() found. */
const char *top_source_row(const struct top *t, size_t i, int cols, char *buf);

/* Why there are no such rows. */
const char *top_no_source(const struct top *t);

/* ---- where things stand ---- */

enum { TOP_LINES_MIN = 12, TOP_COLS_MIN = 60 };

/* Lines and columns from 0; a number of rows may be 0. */
struct top_layout {
	bool fits; /* else nothing else is said */
	int rates_y, sessions_y;
	int services_y, services; /* the head's line, rows below it */
	int lower_y, lower;	  /* reasons and sources, the same */
	int keys_y;
	int spark_x, spark; /* where the bars begin, and how many there are */
	int sources_x;	    /* reasons are left of it */
};

void top_layout(int lines, int cols, size_t n_services, struct top_layout *ret);

#endif
