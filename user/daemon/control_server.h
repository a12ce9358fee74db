/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the transport of control.h on the daemon's side: a unix
 * socket of mode 0660, non-blocking, on the daemon's loop. A client has one
 * request in work at a time; its next is read when the reply is sent. A client
 * that stops reading, sends no end of line or nothing at all is dropped after
 * a time; there are CONTROL_CLIENTS_MAX at most.
 */
#ifndef CONTROL_SERVER_H
#define CONTROL_SERVER_H

#include <jansson.h>
#include <systemd/sd-event.h>

struct control_server;

enum { CONTROL_CLIENTS_MAX = 32, CONTROL_IDLE_S = 30 };

/* Answers one line; the server releases the reply with json_decref(). */
typedef json_t *(*control_answer)(const char *line, void *data);

/* Logs what failed and returns -errno; -EADDRINUSE: another one answers. */
int control_start(sd_event *loop, const char *path, control_answer answer,
		  void *data, struct control_server **ret);
void control_stop(struct control_server *s);

#endif
