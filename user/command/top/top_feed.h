/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: how `synkeeper top` hears from the daemon without ever
 * waiting for it. Each look is a connection of its own, on which all questions
 * are sent at once; samples of dropped packets come on a second connection
 * that stays. When the daemon goes away both end, and the next look tries
 * again: a new daemon is found as soon as it answers.
 */
#ifndef TOP_FEED_H
#define TOP_FEED_H

#include <jansson.h>
#include <poll.h>

enum { TOP_FEED_FDS = 2 };

struct top_feed; /* opaque */

struct top_feed_to {
	/* The answers, which are its own now, as of @when (rates_clock()). */
	void (*answers)(void *data, json_t *status, json_t *stats,
			json_t *totals, double when);
	void (*sample)(void *data, const json_t *sample);
	/* There is no daemon that answers; -errno. Told at each look. */
	void (*gone)(void *data, int err);
	void *data;
};

/* @control: the daemon's socket; @period: seconds. NULL: no memory. */
struct top_feed *top_feed_new(const char *control, double period,
			      const struct top_feed_to *to);
void top_feed_free(struct top_feed *f);

/* Does what is due; @to is called from here only. */
void top_feed_step(struct top_feed *f);

/* Until when to wait: descriptors for poll(2), and milliseconds. */
int top_feed_wait(const struct top_feed *f, struct pollfd p[TOP_FEED_FDS]);

/* Why there are no samples, in the daemon's words; NULL if there are. */
const char *top_feed_no_samples(const struct top_feed *f);

#endif
