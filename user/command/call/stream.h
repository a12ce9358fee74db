/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: a request that the daemon goes on answering, a line
 * each as things happen, until the user has enough or nobody reads what is
 * made of them any more, which both are a good end. SIGINT and SIGTERM are
 * awaited together with the lines, so that a line is always dealt with whole.
 */
#ifndef STREAM_H
#define STREAM_H

#include "cmd.h"

enum follow_next { FOLLOW_ON, FOLLOW_ENOUGH, FOLLOW_FAILED };

/* Each has said why if it FAILED; begin() and pause() may be NULL. */
struct follower {
	enum follow_next (*begin)(void *data); /* the daemon has agreed */
	enum follow_next (*line)(void *data, const char *line);
	enum follow_next (*pause)(void *data); /* nothing more has come yet */
	void *data;
	int (*out)(void *data); /* whose reader may go away; -1: none */
};

/* Asks @name with @request, which is consumed. Returns an exit code. */
int follow(const struct cmd *c, const char *name, json_t *request,
	   const struct follower *f);

/* The event in @line, the caller's own; NULL if it is none, and has said so. */
json_t *follow_event(const struct cmd *c, const char *line);

/* If @event is {"event": "lost"}: how many; else 0. */
json_int_t follow_lost(const json_t *event);

#endif
