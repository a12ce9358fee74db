/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: a daemon for the command to ask, in a thread. It serves
 * one connection after the other: reads a line, keeps it, sends what the test
 * gave it and hangs up; before the last time it takes its socket away, as a
 * daemon does that ends.
 */
#ifndef FAKEDAEMON_H
#define FAKEDAEMON_H

#include "runcmd.h"

#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>

enum { REPLIES_MAX = 8 };

struct daemon_thread {
	pthread_t thread;
	int listener;
	const char *reply[REPLIES_MAX]; /* up to the first NULL: hang up */
	char request[2048];		/* all lines that were asked */
	size_t len;
};

static void read_request(struct daemon_thread *d, int fd)
{
	char *line = d->request + d->len;
	ssize_t n = 1;

	while (n > 0 && !strchr(line, '\n')) {
		n = recv(fd, d->request + d->len,
			 sizeof(d->request) - 1 - d->len, 0);
		d->len += n > 0 ? n : 0;
	}
}

static void *serve(void *arg)
{
	struct daemon_thread *d = arg;
	int fd, i;

	for (i = 0; i < REPLIES_MAX && (!i || d->reply[i]); i++) {
		fd = accept(d->listener, NULL, NULL);
		if (fd < 0)
			break; /* daemon_stop(): nobody asks any more */
		read_request(d, fd);
		if (d->reply[i])
			send(fd, d->reply[i], strlen(d->reply[i]),
			     MSG_NOSIGNAL);
		if (i + 1 >= REPLIES_MAX || !d->reply[i + 1])
			unlink(path);
		close(fd);
	}
	return NULL;
}

static void daemon_start(struct daemon_thread *d, const char *const *replies)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int i;

	*d = (struct daemon_thread){};
	for (i = 0; replies[i]; i++) {
		assert_true(i < REPLIES_MAX);
		d->reply[i] = replies[i];
	}
	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
	d->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	unlink(path);
	assert_int_equal(bind(d->listener, (void *)&sa, sizeof(sa)), 0);
	assert_int_equal(listen(d->listener, 1), 0);
	assert_int_equal(pthread_create(&d->thread, NULL, serve, d), 0);
}

static void daemon_stop(struct daemon_thread *d)
{
	shutdown(d->listener, SHUT_RDWR);
	pthread_join(d->thread, NULL);
	close(d->listener);
	unlink(path);
}

/* Runs @line against the replies; @requests: all that it must have asked. */
static void expect_calls(const char *line, bool json, const char *requests,
			 const char *const *replies, int code, const char *out,
			 const char *err)
{
	struct daemon_thread d;

	daemon_start(&d, replies);
	expect_run(line, json, code, out, err);
	daemon_stop(&d);
	if (strcmp(d.request, requests))
		fail_msg("synkeeper %s: expected the request %s got %s", line,
			 requests, d.request);
}

static void expect_call(const char *line, bool json, const char *request,
			const char *reply, int code, const char *out,
			const char *err)
{
	const char *replies[] = { reply, NULL };

	expect_calls(line, json, request, replies, code, out, err);
}

#endif
