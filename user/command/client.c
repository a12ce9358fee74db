/* SPDX-License-Identifier: GPL-2.0-only */
/* Theory of operation: see client.h. */
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
#include "control.h"

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
	/* with a full backlog connect() waits: SO_SNDTIMEO bounds that */
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

/* Reads up to and with the newline; *@ret_line is the caller's to free. */
static int read_line(int fd, char **ret_line, size_t *ret_len, int64_t deadline)
{
	size_t len = 0, room = 0;
	char *line = NULL;
	int err;

	do {
		ssize_t n;

		if (len == room) {
			char *more;

			err = -EMSGSIZE;
			if (room >= CLIENT_REPLY_MAX)
				goto fail;
			room = room ? room * 2 : 4096;
			more = realloc(line, room);
			err = -ENOMEM;
			if (!more)
				goto fail;
			line = more;
		}
		err = wait_for(fd, POLLIN, deadline);
		if (err)
			goto fail;
		n = recv(fd, line + len, room - len, MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		err = n < 0 && errno != ECONNRESET ? -errno : -EPIPE;
		if (n <= 0)
			goto fail;
		len += n;
	} while (!len || line[len - 1] != '\n');
	*ret_line = line;
	*ret_len = len;
	return 0;
fail:
	free(line);
	return err;
}

static int request_on(int fd, const json_t *request, json_t **ret_reply)
{
	int64_t deadline = now_ms() + CLIENT_TIMEOUT_MS;
	char *line = json_dumps(request, JSON_COMPACT), *reply = NULL;
	size_t len;
	json_t *value;
	int err;

	if (!line)
		return -ENOMEM;
	len = strlen(line);
	err = -EMSGSIZE;
	if (len + 1 > CONTROL_LINE_MAX)
		goto out;
	line[len] = '\n'; /* in the place of the NUL: the length is known */
	err = send_all(fd, line, len + 1, deadline);
	if (!err)
		err = read_line(fd, &reply, &len, deadline);
	if (err)
		goto out;
	value = json_loadb(reply, len, 0, NULL);
	if (json_is_object(value)) {
		*ret_reply = value;
	} else {
		json_decref(value);
		err = -EPROTO;
	}
out:
	free(line);
	free(reply);
	return err;
}

int client_call(const char *path, const json_t *request, json_t **ret_reply)
{
	int fd = -1, err = connect_to(path, &fd);

	if (err)
		return err;
	err = request_on(fd, request, ret_reply);
	close(fd);
	return err;
}
