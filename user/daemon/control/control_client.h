/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: one connection of the control socket; the slots are in
 * control_server.h. Reads, answers one line a turn, and sends; ends when its
 * peer does, or after too long a silence.
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
	bool ended;   /* the peer sends no more */
	bool leaving; /* dropped once all is sent */
	sd_event_source *io;
	sd_event_source *timer;
	__u64 heard_ns; /* when it last sent something */
	size_t have;
	char *out; /* to be sent, or NULL */
	size_t out_len, out_sent, out_room;
	control_part part; /* of a reply, or NULL */
	void *part_state, *part_data;
	void *subscription; /* a watcher's */
	__u64 lost;
	char in[CONTROL_LINE_MAX];
};

/* Starts serving @fd on the loop, and takes ownership of it. */
void client_begin(struct control_client *c, sd_event *loop, int fd,
		  bool privileged);
void client_drop(struct control_client *c);

/* Appends to the output. Returns false if there is no room. */
bool client_append(struct control_client *c, const char *text, size_t len);

/*
 * Sends a refusal, as far as it fits without waiting; the texts need no
 * escaping.
 */
void client_say_no(int fd, const char *error, const char *hint);

#endif
