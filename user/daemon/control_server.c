/* SPDX-License-Identifier: GPL-2.0-only */
/* Theory of operation: see control_server.h. */
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "control.h"
#include "control_server.h"
#include "log.h"

struct control_client {
	struct control_server *server;
	int fd; /* -1: the slot is free */
	sd_event_source *io;
	sd_event_source *timer;
	size_t have;
	char *out; /* what is to be sent, or NULL */
	size_t out_len, out_sent, out_room;
	void *mark; /* a watcher's */
	__u64 lost;
	char in[CONTROL_LINE_MAX];
};

struct control_server {
	sd_event *loop;
	control_answer answer;
	void *data;
	int fd;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	sd_event_source *io;
	struct control_client clients[CONTROL_CLIENTS_MAX];
};

static void client_drop(struct control_client *c)
{
	sd_event_source_disable_unref(c->io);
	sd_event_source_disable_unref(c->timer);
	c->io = c->timer = NULL;
	free(c->out);
	free(c->mark);
	c->out = NULL;
	c->mark = NULL;
	c->lost = 0;
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	c->have = 0;
}

static void restart_timer(struct control_client *c)
{
	sd_event_source_set_time_relative(c->timer,
					  CONTROL_IDLE_S * 1000000ULL);
	sd_event_source_set_enabled(c->timer, SD_EVENT_ONESHOT);
}

static int on_idle(sd_event_source *source, uint64_t when, void *data)
{
	struct control_client *c = data;

	(void)source;
	(void)when;
	if (c->mark)
		restart_timer(c); /* nothing happened, or its screen is held */
	else
		client_drop(c);
	return 0;
}

/* Appends to what is to be sent. Returns false if there is no room. */
static bool client_append(struct control_client *c, const char *text,
			  size_t len)
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

/* Tells a watcher what it has missed, when it can hear again. */
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

/* Sends what is left of the reply. Returns 1 if all of it is gone. */
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
	text[c->out_len - 1] = '\n'; /* for the NUL: the length is known */
	c->out_sent = 0;
	return 0;
}

/* Answers the first whole line in the buffer, if there is one. */
static int client_request(struct control_client *c)
{
	char *end = memchr(c->in, '\n', c->have);
	size_t len;
	int err;

	if (!end)
		return c->have == sizeof(c->in) ? -EMSGSIZE : 0;
	*end = 0;
	err = client_reply(c, c->server->answer(c, c->in, c->server->data));
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
	if (n == 0)
		return -EPIPE;
	c->have += n;
	return 0;
}

static int on_client(sd_event_source *source, int fd, uint32_t revents,
		     void *data)
{
	struct control_client *c = data;
	int err = 0;

	(void)source;
	(void)fd;
	if (revents & EPOLLIN && (!c->out || c->mark))
		err = client_read(c);
	if (c->mark)
		c->have = 0;
	while (!err) {
		if (!c->out && !c->mark)
			err = client_request(c);
		if (!c->out && c->mark)
			client_tell_lost(c);
		if (err || !c->out)
			break;
		err = client_send(c);
		if (err <= 0)
			break;
		err = 0;
	}
	if (err == -EMSGSIZE &&
	    !client_reply(c, json_pack("{s:b,s:s,s:s}", "ok", 0, "error",
				       "the request is too long", "hint",
				       "a line has at most 65535 bytes")))
		client_send(c);
	if (err < 0) {
		client_drop(c);
		return 0;
	}
	sd_event_source_set_io_events(
		c->io,
		(c->out ? EPOLLOUT : 0) | (!c->out || c->mark ? EPOLLIN : 0));
	restart_timer(c);
	return 0;
}

/* Root, the daemon's user, or whoever the socket's group lets in. */
static bool client_allowed(const struct control_server *s, int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);
	struct stat st;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) ||
	    stat(s->path, &st))
		return false;
	return peer.uid == 0 || peer.uid == geteuid() || peer.gid == st.st_gid;
}

static int on_connect(sd_event_source *source, int fd, uint32_t revents,
		      void *data)
{
	struct control_server *s = data;
	struct control_client *c = s->clients;
	int client;

	(void)source;
	(void)revents;
	client = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (client < 0)
		return 0;
	while (c < s->clients + CONTROL_CLIENTS_MAX && c->fd >= 0)
		c++;
	if (c == s->clients + CONTROL_CLIENTS_MAX ||
	    !client_allowed(s, client)) {
		close(client);
		return 0;
	}
	c->server = s;
	c->fd = client;
	if (sd_event_add_io(s->loop, &c->io, client, EPOLLIN, on_client, c) <
		    0 ||
	    sd_event_add_time_relative(s->loop, &c->timer, CLOCK_MONOTONIC,
				       CONTROL_IDLE_S * 1000000ULL, 0, on_idle,
				       c) < 0)
		client_drop(c);
	return 0;
}

static int control_listen(struct control_server *s)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	char copy[PATH_MAX];
	struct stat st;
	mode_t old;
	int err;

	snprintf(at.sun_path, sizeof(at.sun_path), "%s", s->path);
	if (!connect(s->fd, (struct sockaddr *)&at, sizeof(at)) ||
	    errno == EAGAIN)
		return -EADDRINUSE; /* somebody answers there, or is busy */
	if (!lstat(s->path, &st) && !S_ISSOCK(st.st_mode))
		return -EEXIST;
	unlink(s->path);
	snprintf(copy, sizeof(copy), "%s", s->path);
	mkdir(dirname(copy), 0755);
	close(s->fd);
	s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	old = umask(0117);
	err = bind(s->fd, (struct sockaddr *)&at, sizeof(at)) ||
			      listen(s->fd, CONTROL_CLIENTS_MAX)
		      ? -errno
		      : 0;
	umask(old);
	return err;
}

int control_start(sd_event *loop, const char *path, control_answer answer,
		  void *data, struct control_server **ret)
{
	struct control_server *s = calloc(1, sizeof(*s));
	int err, i;

	if (!s)
		return -ENOMEM;
	s->loop = loop;
	s->answer = answer;
	s->data = data;
	for (i = 0; i < CONTROL_CLIENTS_MAX; i++)
		s->clients[i].fd = -1;
	if (strlen(path) >= sizeof(s->path)) {
		log_err("%s: the control socket's path is too long: %zu bytes "
			"at most",
			path, sizeof(s->path) - 1);
		free(s);
		return -ENAMETOOLONG;
	}
	strcpy(s->path, path);
	s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	err = s->fd < 0 ? -errno : control_listen(s);
	if (!err)
		err = sd_event_add_io(loop, &s->io, s->fd, EPOLLIN, on_connect,
				      s);
	if (err < 0) {
		log_err("%s: cannot listen for control: %s%s", s->path,
			strerror(-err),
			err == -EADDRINUSE ? ": another synkeeperd answers "
					     "there: choose another --control"
					   : "");
		if (err == -EADDRINUSE || err == -EEXIST)
			s->path[0] = 0; /* not ours to remove */
		control_stop(s);
		return err;
	}
	*ret = s;
	return 0;
}

void control_watch(struct control_client *c, void *mark)
{
	free(c->mark);
	c->mark = mark;
}

void control_each_mark(const struct control_server *s,
		       void (*visit)(const void *mark, void *data), void *data)
{
	unsigned int i;

	for (i = 0; i < CONTROL_CLIENTS_MAX; i++)
		if (s->clients[i].fd >= 0 && s->clients[i].mark)
			visit(s->clients[i].mark, data);
}

void control_broadcast(struct control_server *s,
		       bool (*wants)(void *mark, const void *data),
		       const char *(*line)(const void *data), const void *data)
{
	const char *text = NULL;
	unsigned int i;

	for (i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		struct control_client *c = &s->clients[i];

		if (c->fd < 0 || !c->mark || !wants(c->mark, data))
			continue;
		if (!text)
			text = line(data);
		if (!c->lost && client_append(c, text, strlen(text)))
			/* sent together with what else comes in this round */
			sd_event_source_set_io_events(c->io,
						      EPOLLIN | EPOLLOUT);
		else
			c->lost++;
	}
}

void control_stop(struct control_server *s)
{
	int i;

	if (!s)
		return;
	for (i = 0; i < CONTROL_CLIENTS_MAX; i++)
		client_drop(&s->clients[i]);
	sd_event_source_disable_unref(s->io);
	if (s->fd >= 0)
		close(s->fd);
	if (s->path[0])
		unlink(s->path);
	free(s);
}
