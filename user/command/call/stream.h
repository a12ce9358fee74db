/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: a subscription: the daemon sends a line per event until
 * the user interrupts or the reader of the output is gone; both count as
 * success. SIGINT and SIGTERM are waited for together with the lines, so that a
 * line is always handled completely.
 */
#ifndef STREAM_H
#define STREAM_H

#include "cmd.h"

enum stream_next { STREAM_ON, STREAM_ENOUGH, STREAM_FAILED };

/* A callback that FAILED has printed why. begin() and pause() may be NULL. */
struct stream_handler {
	enum stream_next (*begin)(void *data); /* the daemon accepted */
	enum stream_next (*line)(void *data, const char *line);
	enum stream_next (*pause)(void *data); /* no more lines for now */
	void *data;
	int (*out)(void *data); /* fd whose reader may go away; -1: none */
};

/* Sends @request, which it consumes, as @name. Returns an exit status. */
int stream_run(const struct cmd *c, const char *name, json_t *request,
	       const struct stream_handler *f);

/* The event in @line, owned by the caller; NULL after a message if invalid. */
json_t *stream_event(const struct cmd *c, const char *line);

/* How many events were lost if @event is {"event": "lost"}, else 0. */
json_int_t stream_lost(const json_t *event);

#endif
