// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: the server of scripts/demo, which thus needs no other.
 * Answers the first bytes of each connection with 1 KB and closes it: only
 * connection setup is measured. IPv4, one thread.
 *
 * usage: serve PORT	until a signal ends it
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	BACKLOG = 511, /* nginx's */
	EVENTS = 64,
	BODY_LEN = 1024,
};

static const char head[] = "HTTP/1.0 200 OK\r\nContent-Length: 1024\r\n\r\n";
static char reply[sizeof(head) - 1 + BODY_LEN];

/* Returns the listening socket, or -errno. */
static int start_listening(unsigned int port)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1;

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
	    bind(fd, (struct sockaddr *)&addr, sizeof(addr)) ||
	    listen(fd, BACKLOG))
		return -errno;
	return fd;
}

static int watch(int epoll, int fd)
{
	struct epoll_event e = { .events = EPOLLIN, .data.fd = fd };

	return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e) ? -errno : 0;
}

static void accept_all(int epoll, int listener)
{
	int fd;

	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0)
		if (watch(epoll, fd))
			close(fd);
}

static void answer(int fd)
{
	char request[4096];
	ssize_t n = read(fd, request, sizeof(request));

	if (n < 0 && errno == EAGAIN)
		return;
	if (n > 0) /* 1 KB fits any socket's buffer */
		n = write(fd, reply, sizeof(reply));
	(void)n; /* the client may have gone */
	close(fd);
}

static int serve(int listener)
{
	struct epoll_event events[EVENTS];
	int epoll = epoll_create1(0), i, n, err;

	err = epoll < 0 ? -errno : watch(epoll, listener);
	while (!err) {
		n = epoll_wait(epoll, events, EVENTS, -1);
		if (n < 0 && errno != EINTR)
			err = -errno;
		for (i = 0; i < n; i++) {
			if (events[i].data.fd == listener)
				accept_all(epoll, listener);
			else
				answer(events[i].data.fd);
		}
	}
	return err;
}

int main(int argc, char **argv)
{
	int port = argc == 2 ? atoi(argv[1]) : 0, err;

	if (port < 1 || port > 65535) {
		fputs("usage: serve PORT\n", stderr);
		return 2;
	}
	memcpy(reply, head, sizeof(head) - 1);
	memset(reply + sizeof(head) - 1, 'x', BODY_LEN);
	err = start_listening(port);
	if (err >= 0)
		err = serve(err);
	fprintf(stderr, "serve: port %d: %s\n", port, strerror(-err));
	return 1;
}
