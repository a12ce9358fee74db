/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the transport of control.h on the daemon's side: a unix
 * socket (control_socket.h), non-blocking, on the daemon's loop. A client has
 * one request in work at a time, and gets one answered each time that the loop
 * comes by; then it is the others' turn. All of that has a lower priority than
 * the daemon's timers, which so wait for one request at most.
 *
 * There are CONTROL_CLIENTS_MAX clients at most. When they are that many, root
 * and the daemon's user get in all the same, in the place of the one that has
 * been silent for the longest, others' clients first; anybody else is told that
 * it is busy. A client that stops reading, sends no end of line or nothing at
 * all is dropped after a time.
 *
 * A client may become a watcher: then lines are sent to it as they come, and
 * what it sends is not read any more. What it is too slow for, it misses, and
 * is told how much that was, however late it reads on. Watchers keep their
 * places, but have not all there are, and those who are not root not all of
 * the watchers'.
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
	CONTROL_WATCHERS_MAX = 24,	  /* of them */
	CONTROL_OTHERS_WATCHERS_MAX = 16, /* of these, not root's */
	CONTROL_IDLE_S = 30,
	CONTROL_BACKLOG = 4 << 20, /* bytes kept for a slow watcher */
	/* equal to that of the rings: in turn with them, after the timers */
	CONTROL_PRIORITY = SD_EVENT_PRIORITY_NORMAL + 1,
};

/*
 * Answers one line of @len bytes, which ends with a NUL and may have others;
 * the server releases the reply with json_decref().
 */
typedef json_t *(*control_answer)(struct control_client *c, const char *line,
				  size_t len, void *data);

/*
 * @group: whom the socket belongs to besides root, or NULL. Logs what failed
 * and returns -errno; -EADDRINUSE: another one answers.
 */
int control_start(sd_event *loop, const char *path, const char *group,
		  control_answer answer, void *data,
		  struct control_server **ret);
void control_stop(struct control_server *s);

/*
 * For a reply that takes long to make: called from within the answer, which
 * then returns NULL. @part is called once a turn with @state, which the server
 * frees, and @data, and says what comes next with control_say(), the newline at
 * the end included. It returns 1 if that was all, 0, or -errno: the client is
 * dropped.
 */
typedef int (*control_part)(struct control_client *c, void *state, void *data);
void control_reply_in_parts(struct control_client *c, control_part part,
			    void *state, void *data);
/* Returns 0 or -ENOMEM. */
int control_say(struct control_client *c, const char *text);

/*
 * Makes @c a watcher once its reply is sent. @mark, which the server frees,
 * says what it wants to hear; see control_broadcast(). Returns -EBUSY, and
 * @mark stays the caller's, if there are as many watchers as may be.
 */
int control_watch(struct control_client *c, void *subscription);
/* Calls @visit with the mark of every watcher. */
void control_each_subscribed(const struct control_server *s,
			     void (*visit)(const void *subscription,
					   void *data),
			     void *data);

/*
 * Sends a line to all watchers that @wants says yes to; @line() makes it, at
 * most once, NUL-terminated with its newline, and owned by the caller.
 */
void control_broadcast(struct control_server *s,
		       bool (*wants)(void *subscription, const void *data),
		       const char *(*line)(const void *data), const void *data);

#endif
