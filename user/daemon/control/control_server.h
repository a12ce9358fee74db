/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the daemon's side of the transport of control.h: a unix
 * socket (control_socket.h), non-blocking, on the daemon's event loop. A client
 * has one request in progress at a time and gets one answer per turn of the
 * loop; then the others have theirs. All of this has a lower priority than the
 * daemon's timers, so they wait for one request at most.
 *
 * There are CONTROL_CLIENTS_MAX clients at most. When all slots are taken, root
 * and the daemon's user still get in, replacing the client that has been silent
 * the longest, other users' clients first; anybody else is refused as busy. A
 * client that stops reading, does not finish its line or sends nothing is
 * dropped after a timeout.
 *
 * A client may become a watcher: lines are then sent to it as they come, and
 * its input is no longer read. A watcher that is too slow misses lines and is
 * told how many, however late it reads. Watchers keep their slots, but may not
 * take all of them, and non-root users not all of the watchers'.
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
	CONTROL_OTHERS_WATCHERS_MAX = 16, /* of these, not root */
	CONTROL_IDLE_S = 30,
	CONTROL_BACKLOG = 4 << 20, /* bytes buffered for a slow watcher */
	/* as the ring buffers: in turn with them, after the timers */
	CONTROL_PRIORITY = SD_EVENT_PRIORITY_NORMAL + 1,
};

/*
 * Answers one line of @len bytes, NUL-terminated, possibly with other NULs in
 * it; the server releases the reply with json_decref().
 */
typedef json_t *(*control_answer)(struct control_client *c, const char *line,
				  size_t len, void *data);

/*
 * @group: the group that owns the socket, or NULL. Returns 0 or -errno, logged;
 * -EADDRINUSE: another daemon answers there.
 */
int control_start(sd_event *loop, const char *path, const char *group,
		  control_answer answer, void *data,
		  struct control_server **ret);
void control_stop(struct control_server *s);

/*
 * For a reply that takes long to produce: called from within the answer, which
 * then returns NULL. @part is called once a turn with @state, which the server
 * frees, and @data, and sends the next part with control_say(), including the
 * final newline. It returns 1 when done, 0 for more, or -errno to drop the
 * client.
 */
typedef int (*control_part)(struct control_client *c, void *state, void *data);
void control_reply_in_parts(struct control_client *c, control_part part,
			    void *state, void *data);
/* Returns 0 or -ENOMEM. */
int control_say(struct control_client *c, const char *text);

/*
 * Makes @c a watcher once its reply is sent. @subscription, which the server
 * frees, says what it subscribes to; see control_broadcast(). Returns -EBUSY,
 * with @subscription still the caller's, if there are too many watchers.
 */
int control_watch(struct control_client *c, void *subscription);
/* Calls @visit with the subscription of every watcher. */
void control_each_subscribed(const struct control_server *s,
			     void (*visit)(const void *subscription,
					   void *data),
			     void *data);

/*
 * Sends a line to all watchers that @wants accepts; @line() makes it, at most
 * once, NUL-terminated with its newline, and owned by the caller.
 */
void control_broadcast(struct control_server *s,
		       bool (*wants)(void *subscription, const void *data),
		       const char *(*line)(const void *data), const void *data);

#endif
