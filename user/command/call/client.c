/* SPDX-License-Identifier: GPL-2.0-only */
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "client.h"
#include "synkeeper/control.h"

/* [start, end) of the buffer: received and not yet consumed. */
struct client {
	int fd;
	char *buf;
	size_t start, end, room;
	size_t searched; /* bytes after start known to hold no newline */
};

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

static int connect_to(const char *path, int *ret_fd)
{
	struct timeval limit = { .tv_sec = CLIENT_TIMEOUT_MS / 1000 };
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd, err;

	if (strlen(path) >= sizeof(sa.sun_path))
		return -ENAMETOOLONG;
	strcpy(sa.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	/* connect() blocks on a full backlog: SO_SNDTIMEO limits that */
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa))) {
		err = errno == EAGAIN ? -ETIMEDOUT : -errno;
		close(fd);
		return err;
	}
	*ret_fd = fd;
	return 0;
}

/* Waits until @fd is ready for @events. */
static int wait_for(int fd, short events, int64_t deadline)
{
	struct pollfd p = { .fd = fd, .events = events };
	int64_t left = deadline - now_ms();
	int n;

	do {
		n = poll(&p, 1, left > 0 ? (int)left : 0);
		left = deadline - now_ms();
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return n ? 0 : -ETIMEDOUT;
}

static int send_all(int fd, const char *data, size_t len, int64_t deadline)
{
	int err;

	while (len) {
		ssize_t n = send(fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n >= 0) {
			data += n;
			len -= n;
		} else if (errno == EAGAIN) {
			err = wait_for(fd, POLLOUT, deadline);
			if (err)
				return err;
		} else if (errno != EINTR) {
			return errno == ECONNRESET ? -EPIPE : -errno;
		}
	}
	return 0;
}

/* Makes room at the end of the buffer, by moving its content or growing it. */
static int make_room(struct client *cl)
{
	size_t room = cl->room ? cl->room * 2 : 16384;
	char *more;

	if (cl->start) {
		cl->end -= cl->start;
		memmove(cl->buf, cl->buf + cl->start, cl->end);
		cl->start = 0;
	}
	if (cl->end < cl->room)
		return 0;
	if (room > CLIENT_REPLY_MAX)
		return -EMSGSIZE;
	more = realloc(cl->buf, room);
	if (!more)
		return -ENOMEM;
	cl->buf = more;
	cl->room = room;
	return 0;
}

/* Consumes the first complete line in the buffer; NULL: there is none. */
static char *take_line(struct client *cl)
{
	char *line = cl->buf + cl->start, *end;
	size_t have = cl->end - cl->start;

	if (have == cl->searched)
		return NULL;
	end = memchr(line + cl->searched, '\n', have - cl->searched);
	if (!end) {
		cl->searched = have;
		return NULL;
	}
	*end = '\0';
	cl->start = end + 1 - cl->buf;
	cl->searched = 0;
	return line;
}

int client_read_line(struct client *cl, char **ret_line)
{
	char *line = take_line(cl);
	ssize_t n;
	int err;

	while (!line) {
		if (cl->end == cl->room) {
			err = make_room(cl);
			if (err)
				return err;
		}
		n = recv(cl->fd, cl->buf + cl->end, cl->room - cl->end,
			 MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != ECONNRESET)
			return -errno;
		if (n <= 0)
			return -EPIPE;
		cl->end += n;
		line = take_line(cl);
	}
	*ret_line = line;
	return 0;
}

int client_fd(const struct client *cl)
{
	return cl->fd;
}

static int read_reply(struct client *cl, json_t **ret, int64_t deadline)
{
	json_t *value;
	char *line = NULL;
	int err;

	while ((err = client_read_line(cl, &line)) == -EAGAIN) {
		err = wait_for(cl->fd, POLLIN, deadline);
		if (err)
			return err;
	}
	if (err)
		return err;
	value = json_loads(line, 0, NULL);
	if (!json_is_object(value)) {
		json_decref(value);
		return -EPROTO;
	}
	*ret = value;
	return 0;
}

int client_send(struct client *cl, const json_t *request)
{
	char *line = json_dumps(request, JSON_COMPACT);
	size_t len;
	int err = -EMSGSIZE;

	if (!line)
		return -ENOMEM;
	len = strlen(line);
	if (len + 1 <= CONTROL_LINE_MAX) {
		line[len] = '\n'; /* instead of the NUL: the length is known */
		err = send_all(cl->fd, line, len + 1,
			       now_ms() + CLIENT_TIMEOUT_MS);
	}
	free(line);
	return err;
}

int client_request(struct client *cl, const json_t *request, int limit_ms,
		   json_t **ret)
{
	int64_t deadline = now_ms() + limit_ms;
	int err = client_send(cl, request);

	/* a daemon that closes at once may have sent the reason */
	return err && err != -EPIPE ? err : read_reply(cl, ret, deadline);
}

int client_open(const char *path, struct client **ret)
{
	struct client *cl = calloc(1, sizeof(*cl));
	int err;

	if (!cl)
		return -ENOMEM;
	err = connect_to(path, &cl->fd);
	if (err) {
		free(cl);
		return err;
	}
	*ret = cl;
	return 0;
}

void client_close(struct client *cl)
{
	if (!cl)
		return;
	close(cl->fd);
	free(cl->buf);
	free(cl);
}
