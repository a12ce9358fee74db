/* SPDX-License-Identifier: GPL-2.0-only */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kernel/clock.h"
#include "control_client.h"
#include "loop/timer.h"

void client_drop(struct control_client *c)
{
	sd_event_source_disable_unref(c->io);
	timer_free(c->timer);
	c->io = c->timer = NULL;
	free(c->out);
	free(c->subscription);
	free(c->part_state);
	c->out = NULL;
	c->subscription = c->part_state = NULL;
	c->part = NULL;
	c->lost = 0;
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	c->have = 0;
	c->privileged = c->ended = c->leaving = false;
}

static void restart_timer(struct control_client *c)
{
	timer_set(c->timer, CONTROL_IDLE_S * 1000000ULL);
}

static int on_idle(sd_event_source *source, uint64_t when, void *data)
{
	struct control_client *c = data;

	(void)source;
	(void)when;
	if (c->subscription)
		restart_timer(c); /* idle, or its reader is stopped */
	else
		client_drop(c);
	return 0;
}

bool client_append(struct control_client *c, const char *text, size_t len)
{
	size_t pending = c->out ? c->out_len - c->out_sent : 0;
	size_t room = c->out ? c->out_room : 4096;
	char *out = c->out;

	if (pending + len > CONTROL_BACKLOG)
		return false;
	if (c->out_sent && out && c->out_len + len > c->out_room) {
		memmove(out, out + c->out_sent, pending);
		c->out_sent = 0;
		c->out_len = pending;
	}
	while (room < pending + len)
		room *= 2;
	if (!out || room > c->out_room) {
		out = realloc(out, room);
		if (!out)
			return false;
		if (!c->out)
			c->out_len = c->out_sent = 0;
		c->out = out;
		c->out_room = room;
	}
	memcpy(c->out + c->out_len, text, len);
	c->out_len += len;
	return true;
}

/* Tells a watcher how much it missed, once there is room again. */
static void client_tell_lost(struct control_client *c)
{
	char line[64];
	int len;

	if (!c->lost)
		return;
	len = snprintf(line, sizeof(line),
		       "{\"event\":\"lost\",\"count\":%llu}\n",
		       (unsigned long long)c->lost);
	if (client_append(c, line, len))
		c->lost = 0;
}

/* Sends the rest of the reply. Returns 1 if all of it is sent. */
static int client_send(struct control_client *c)
{
	while (c->out_sent < c->out_len) {
		ssize_t n = send(c->fd, c->out + c->out_sent,
				 c->out_len - c->out_sent, MSG_NOSIGNAL);

		if (n < 0)
			return errno == EAGAIN ? 0 : -errno;
		c->out_sent += n;
	}
	free(c->out);
	c->out = NULL;
	return 1;
}

static int client_reply(struct control_client *c, json_t *reply)
{
	char *text = json_dumps(reply, JSON_COMPACT);

	json_decref(reply);
	if (!text)
		return -ENOMEM;
	c->out = text;
	c->out_len = c->out_room = strlen(text) + 1;
	text[c->out_len - 1] = '\n'; /* replaces the NUL: the length is known */
	c->out_sent = 0;
	return 0;
}

/* The reply to a malformed request; the last one sent. */
static int client_refuse(struct control_client *c, const char *error,
			 const char *hint)
{
	c->leaving = true;
	c->have = 0;
	return client_reply(c, json_pack("{s:b,s:s,s:s}", "ok", 0, "error",
					 error, "hint", hint));
}

static char *end_of_line(struct control_client *c)
{
	return memchr(c->in, '\n', c->have);
}

/* The next part of a reply. */
static int client_part(struct control_client *c)
{
	int ret = c->part(c, c->part_state, c->part_data);

	if (ret <= 0)
		return ret;
	free(c->part_state);
	c->part_state = NULL;
	c->part = NULL;
	return 0;
}

/* Answers the first complete line in the buffer, if any. */
static int client_request(struct control_client *c)
{
	char *end = end_of_line(c);
	json_t *reply;
	size_t len;
	int err;

	if (!end && c->have == sizeof(c->in))
		return client_refuse(c, "the request is too long",
				     "a line has at most 65535 bytes");
	if (!end && c->ended && c->have)
		return client_refuse(c, "the request is incomplete",
				     "a line ends with a newline");
	if (!end)
		return 0;
	*end = 0;
	reply = c->answer(c, c->in, end - c->in, c->data);
	err = c->part ? client_part(c) : client_reply(c, reply);
	len = end + 1 - c->in;
	memmove(c->in, end + 1, c->have - len);
	c->have -= len;
	return err;
}

static int client_read(struct control_client *c)
{
	ssize_t n = recv(c->fd, c->in + c->have, sizeof(c->in) - c->have, 0);

	if (n < 0)
		return errno == EAGAIN ? 0 : -errno;
	c->ended = !n;
	c->have += n;
	c->heard_ns = clock_ns();
	return 0;
}

/* One request, or the rest of a reply. Returns -errno if the client must go. */
static int client_step(struct control_client *c, bool readable)
{
	int err = 0;

	if (readable && (c->subscription ||
			 (!c->out && !c->part && !c->ended && !end_of_line(c))))
		err = client_read(c);
	if (!err && c->subscription) {
		if (c->ended)
			return -EPIPE;
		c->have = 0;
	}
	if (!err && !c->out && !c->subscription && !c->leaving)
		err = c->part ? client_part(c) : client_request(c);
	if (!err && !c->out && c->subscription)
		client_tell_lost(c);
	if (!err && c->out)
		err = client_send(c);
	if (err < 0 || c->out)
		return err < 0 ? err : 0;
	if (c->part)
		return 0;
	return c->leaving || (c->ended && !c->have) ? -EPIPE : 0;
}

/*
 * A client with more requests waits for its next turn: its socket is writable,
 * so the loop returns to it after all others that are ready.
 */
static uint32_t client_waits_for(struct control_client *c)
{
	if (c->subscription)
		return EPOLLIN | (c->out || c->lost ? EPOLLOUT : 0);
	return c->out || c->part || c->ended || end_of_line(c) ? EPOLLOUT
							       : EPOLLIN;
}

static int on_client(sd_event_source *source, int fd, uint32_t revents,
		     void *data)
{
	struct control_client *c = data;

	(void)fd;
	if (client_step(c, revents & (EPOLLIN | EPOLLHUP | EPOLLERR)) < 0) {
		client_drop(c);
		return 0;
	}
	sd_event_source_set_io_events(source, client_waits_for(c));
	restart_timer(c);
	return 0;
}

void control_reply_in_parts(struct control_client *c, control_part part,
			    void *state, void *data)
{
	c->part = part;
	c->part_state = state;
	c->part_data = data;
}

int control_say(struct control_client *c, const char *text)
{
	return client_append(c, text, strlen(text)) ? 0 : -ENOMEM;
}

void client_begin(struct control_client *c, sd_event *loop, int fd,
		  bool privileged)
{
	int err;

	c->fd = fd;
	c->privileged = privileged;
	c->heard_ns = clock_ns();
	err = sd_event_add_io(loop, &c->io, fd, EPOLLIN, on_client, c);
	if (err >= 0)
		err = sd_event_source_set_priority(c->io, CONTROL_PRIORITY);
	if (err >= 0)
		err = timer_add(loop, &c->timer, TIMER_LAZY, on_idle, c);
	if (err < 0)
		client_drop(c);
	else
		restart_timer(c);
}

void client_say_no(int fd, const char *error, const char *hint)
{
	char line[512];
	int len = snprintf(line, sizeof(line),
			   "{\"ok\":false,\"error\":\"%s\",\"hint\":\"%s\"}\n",
			   error, hint);

	send(fd, line, len, MSG_NOSIGNAL | MSG_DONTWAIT);
}
