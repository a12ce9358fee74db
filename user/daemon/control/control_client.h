/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: one connection of the control socket, see
 * control_server.h, which has the slots. Reads, answers one line a turn, and
 * sends; ends by itself when its peer has, or is silent for too long.
 */
#ifndef CONTROL_CLIENT_H
#define CONTROL_CLIENT_H

#include "synkeeper/control.h"
#include "control_server.h"

struct control_client {
	int fd; /* -1: the slot is free */
	control_answer answer;
	void *data; /* answer's */
	struct control_server *server;
	bool privileged;
	bool ended;   /* it sends no more */
	bool leaving; /* it is dropped when all is sent */
	sd_event_source *io;
	sd_event_source *timer;
	__u64 heard_ns; /* when it last said something */
	size_t have;
	char *out; /* what is to be sent, or NULL */
	size_t out_len, out_sent, out_room;
	control_part part; /* of a reply, or NULL */
	void *part_state, *part_data;
	void *subscription; /* a watcher's */
	__u64 lost;
	char in[CONTROL_LINE_MAX];
};

/* Begins on the loop with @fd, which is the client's from here on. */
void client_begin(struct control_client *c, sd_event *loop, int fd,
		  bool privileged);
void client_drop(struct control_client *c);

/* Appends to what is to be sent. Returns false if there is no room. */
bool client_append(struct control_client *c, const char *text, size_t len);

/* Says why not, as far as it can be said at once; the texts need no escapes. */
void client_say_no(int fd, const char *error, const char *hint);

#endif
