/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the transport of control.h on the daemon's side: a unix
 * socket of mode 0660, non-blocking, on the daemon's loop. A client has one
 * request in work at a time; its next is read when the reply is sent. A client
 * that stops reading, sends no end of line or nothing at all is dropped after
 * a time; there are CONTROL_CLIENTS_MAX at most.
 *
 * A client may become a watcher: then lines are sent to it as they come, and
 * what it sends is not read any more. What it is too slow for, it misses, and
 * is told how much that was, however late it reads on.
 */
#ifndef CONTROL_SERVER_H
#define CONTROL_SERVER_H

#include <jansson.h>
#include <systemd/sd-event.h>

#include "synkeeper/types.h"

struct control_server;
struct control_client;

enum {
	CONTROL_CLIENTS_MAX = 32,
	CONTROL_IDLE_S = 30,
	CONTROL_BACKLOG = 4 << 20, /* bytes kept for a slow watcher */
};

/* Answers one line; the server releases the reply with json_decref(). */
typedef json_t *(*control_answer)(struct control_client *c, const char *line,
				  void *data);

/* Logs what failed and returns -errno; -EADDRINUSE: another one answers. */
int control_start(sd_event *loop, const char *path, control_answer answer,
		  void *data, struct control_server **ret);
void control_stop(struct control_server *s);

/*
 * Makes @c a watcher once its reply is sent. @mark, which the server frees,
 * says what it wants to hear; see control_broadcast().
 */
void control_watch(struct control_client *c, void *mark);
/* Calls @visit with the mark of every watcher. */
void control_each_mark(const struct control_server *s,
		       void (*visit)(const void *mark, void *data), void *data);

/*
 * Sends a line to all watchers that @wants says yes to; @line() makes it, at
 * most once, NUL-terminated with its newline, and owned by the caller.
 */
void control_broadcast(struct control_server *s,
		       bool (*wants)(void *mark, const void *data),
		       const char *(*line)(const void *data), const void *data);

#endif
