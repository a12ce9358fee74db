/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: how `synkeeper top` polls the daemon without ever
 * blocking on it. Each look uses a connection of its own, on which all requests
 * are sent at once; samples of dropped packets arrive on a second, persistent
 * connection. When the daemon goes away both end, and the next look retries: a
 * new daemon is found as soon as it answers.
 */
#ifndef TOP_FEED_H
#define TOP_FEED_H

#include <jansson.h>
#include <poll.h>

enum { TOP_FEED_FDS = 2 };

struct top_feed; /* opaque */

struct top_feed_to {
	/* Takes ownership of the answers; @when is rates_clock(). */
	void (*answers)(void *data, json_t *status, json_t *stats,
			json_t *totals, double when);
	void (*sample)(void *data, const json_t *sample);
	/* No daemon answers; @err is -errno. Called for each failed look. */
	void (*gone)(void *data, int err);
	void *data;
};

/* @control: the daemon's socket; @period in seconds. NULL: no memory. */
struct top_feed *top_feed_new(const char *control, double period,
			      const struct top_feed_to *to);
void top_feed_free(struct top_feed *f);

/* Does what is due; @to's callbacks are called only from here. */
void top_feed_step(struct top_feed *f);

/* What to wait for: fills @p for poll(2), returns milliseconds. */
int top_feed_wait(const struct top_feed *f, struct pollfd p[TOP_FEED_FDS]);

/* The daemon's reason why there are no samples; NULL if there are. */
const char *top_feed_no_samples(const struct top_feed *f);

#endif
