/* SPDX-License-Identifier: GPL-2.0-only */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "acceptor.h"
#include "control_client.h"
#include "control_socket.h"
#include "log.h"

struct control_server {
	sd_event *loop;
	int fd;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	struct acceptor acceptor;
	struct control_client clients[CONTROL_CLIENTS_MAX];
};

/* ---- who gets in ---- */

/* Is @a to be dropped before @b? */
static bool goes_first(struct control_client *a, struct control_client *b)
{
	bool a_works = a->out || a->part || a->have;
	bool b_works = b->out || b->part || b->have;

	if (a->privileged != b->privileged)
		return b->privileged;
	if (a_works != b_works)
		return b_works;
	return a->heard_ns < b->heard_ns;
}

/* Watchers stay: CONTROL_WATCHERS_MAX leaves others to drop. */
static struct control_client *make_room(struct control_server *s)
{
	struct control_client *first = NULL, *c;

	for (c = s->clients; c < s->clients + CONTROL_CLIENTS_MAX; c++)
		if (!c->subscription && (!first || goes_first(c, first)))
			first = c;
	if (!first)
		return NULL;
	if (!first->out && !first->part)
		client_say_no(first->fd, "busy: root took over this connection",
			      "try again");
	client_drop(first);
	return first;
}

static struct control_client *find_room(struct control_server *s)
{
	struct control_client *c;

	for (c = s->clients; c < s->clients + CONTROL_CLIENTS_MAX; c++)
		if (c->fd < 0)
			return c;
	return NULL;
}

static int on_connect(sd_event_source *source, int fd, uint32_t revents,
		      void *data)
{
	struct control_server *s = data;
	struct control_client *c = NULL;
	struct control_peer peer;
	char error[128];
	int client;

	(void)source;
	(void)fd;
	(void)revents;
	client = acceptor_accept(&s->acceptor, NULL, NULL);
	if (client < 0)
		return 0;
	peer = control_socket_peer(s->path, client);
	if (peer.allowed)
		c = find_room(s);
	if (!c && peer.privileged)
		c = make_room(s);
	if (c) {
		client_begin(c, s->loop, client, peer.privileged);
		return 0;
	}
	if (!peer.allowed) {
		snprintf(error, sizeof(error), "no permission for user %u",
			 peer.uid);
		client_say_no(
			client, error,
			"run as root, or as a member of the socket's group");
	} else {
		snprintf(error, sizeof(error),
			 "busy: all %d control connections are in use",
			 CONTROL_CLIENTS_MAX);
		client_say_no(client, error, "try again, or run as root");
	}
	close(client);
	return 0;
}

/* ---- start and stop ---- */

static const char *way_out(int err)
{
	switch (err) {
	case -EADDRINUSE:
		return ": another synkeeperd answers there: choose another "
		       "--control";
	case -ESRCH:
		return ": control-group is not a group of this host";
	case -EPERM:
		return ": to give the socket to control-group, the daemon must "
		       "be in that group (SupplementaryGroups= of its unit) or "
		       "have CAP_CHOWN";
	default:
		return "";
	}
}

static int start(struct control_server *s, const char *path, const char *group)
{
	if (strlen(path) >= sizeof(s->path)) {
		log_err("%s: the control socket's path is too long: %zu bytes "
			"at most",
			path, sizeof(s->path) - 1);
		return -ENAMETOOLONG;
	}
	s->fd = control_socket_open(path, group, CONTROL_CLIENTS_MAX);
	if (s->fd < 0) {
		log_err("%s: cannot open the control socket: %s%s", path,
			strerror(-s->fd), way_out(s->fd));
		return s->fd;
	}
	strcpy(s->path, path); /* from here on it is ours to remove */
	return acceptor_start(&s->acceptor, s->loop, s->fd, CONTROL_PRIORITY,
			      on_connect, s);
}

int control_start(sd_event *loop, const char *path, const char *group,
		  control_answer answer, void *data,
		  struct control_server **ret)
{
	struct control_server *s = calloc(1, sizeof(*s));
	int err, i;

	if (!s)
		return -ENOMEM;
	s->loop = loop;
	s->fd = -1;
	for (i = 0; i < CONTROL_CLIENTS_MAX; i++)
		s->clients[i] = (struct control_client){
			.fd = -1, .answer = answer, .data = data, .server = s
		};
	err = start(s, path, group);
	if (err) {
		control_stop(s);
		return err;
	}
	*ret = s;
	return 0;
}

int control_watch(struct control_client *c, void *subscription)
{
	const struct control_server *s = c->server;
	int i, all = 0, others = 0;

	for (i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		const struct control_client *w = &s->clients[i];

		all += w->fd >= 0 && w->subscription;
		others += w->fd >= 0 && w->subscription && !w->privileged;
	}
	if (!c->subscription &&
	    (all >= CONTROL_WATCHERS_MAX ||
	     (!c->privileged && others >= CONTROL_OTHERS_WATCHERS_MAX)))
		return -EBUSY;
	free(c->subscription);
	c->subscription = subscription;
	return 0;
}

void control_each_subscribed(const struct control_server *s,
			     void (*visit)(const void *subscription,
					   void *data),
			     void *data)
{
	unsigned int i;

	for (i = 0; i < CONTROL_CLIENTS_MAX; i++)
		if (s->clients[i].fd >= 0 && s->clients[i].subscription)
			visit(s->clients[i].subscription, data);
}

void control_broadcast(struct control_server *s,
		       bool (*wants)(void *subscription, const void *data),
		       const char *(*line)(const void *data), const void *data)
{
	const char *text = NULL;
	unsigned int i;

	for (i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		struct control_client *c = &s->clients[i];

		if (c->fd < 0 || !c->subscription ||
		    !wants(c->subscription, data))
			continue;
		if (!text)
			text = line(data);
		if (!c->lost && client_append(c, text, strlen(text)))
			/* sent together with other output of this turn */
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
	/* first, so that clients that poll see that the daemon is gone */
	if (s->path[0])
		unlink(s->path);
	acceptor_stop(&s->acceptor);
	if (s->fd >= 0)
		close(s->fd);
	for (i = 0; i < CONTROL_CLIENTS_MAX; i++)
		client_drop(&s->clients[i]);
	free(s);
}
