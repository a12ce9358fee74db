// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: an input is what a client sends to the metrics endpoint,
 * in pieces whose length is in the first byte. The server's source is included,
 * so that it can be handed a connection without a listener; libmicrohttpd (not
 * instrumented) parses, and the handler answers. There must be a complete
 * response with a status of the handler or libmicrohttpd, with all metrics, and
 * no text other than the handler's. Afterwards the client leaves, and the
 * server must have no connection left.
 */
/* NOLINTNEXTLINE(bugprone-suspicious-include): for its static functions */
#include "../../user/daemon/metrics/metrics_server.c"

#include <stdio.h>
#include <sys/eventfd.h>

#include "memfile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

#define TEXT "# HELP x y\nx 1\n"

enum { ROUNDS_MAX = 1000 };

static struct metrics_server *server;
static sd_event *loop;

static int make(void *data, char **ret, size_t *ret_len)
{
	(void)data;
	*ret = strdup(TEXT);
	*ret_len = strlen(TEXT);
	return *ret ? 0 : -ENOMEM;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	server = calloc(1, sizeof(*server));
	if (!server || sd_event_new(&loop) < 0)
		exit(1);
	server->loop = loop;
	server->make = make;
	server->fd = eventfd(0, EFD_CLOEXEC); /* nobody comes by it */
	if (start_http(server))
		exit(1);
	return 0;
}

/* Lets the server work until it has nothing to do. */
static void work(void)
{
	int i;

	run(server);
	for (i = 0; sd_event_run(loop, 0) > 0; i++)
		if (i > ROUNDS_MAX)
			finding("the server is never done");
}

static unsigned int connections(void)
{
	return MHD_get_daemon_info(server->http,
				   MHD_DAEMON_INFO_CURRENT_CONNECTIONS)
		->num_connections;
}

static bool is_status(const char *status)
{
	static const char *const known[] = { "200", "404", "405", "400",
					     "413", "414", "431", "501",
					     "505", "500", "503", "417" };
	size_t i;

	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (!strncmp(status, known[i], 3))
			return true;
	return false;
}

/*
 * The start of the request line: empty lines may precede it (RFC 9112 section
 * 2.2). For libmicrohttpd a line that starts with NUL is empty, whatever else
 * is in it; what follows such a line is not predicted: returns NULL.
 */
static const uint8_t *request_line(const uint8_t *asked, const uint8_t *end)
{
	while (asked < end && (*asked == '\r' || *asked == '\n'))
		asked++;
	return asked < end && !*asked ? NULL : asked;
}

static void check_response(const char *text, const uint8_t *asked, size_t size)
{
	const char *body = strstr(text, "\r\n\r\n");
	const uint8_t *end = asked + size;

	if (!*text)
		return; /* disconnected, or no complete request */
	if (!strncmp(text, "HTTP/1.1 100", 12)) {
		text = strstr(text, "\r\n\r\n") + 4;
		body = strstr(text, "\r\n\r\n");
	}
	if (strncmp(text, "HTTP/1.", 7) != 0 || !is_status(text + 9))
		finding("no response of ours: %s", text);
	if (!body)
		finding("a response without a body: %s", text);
	body += 4;
	if (strncmp(text + 9, "200", 3) != 0)
		return;
	asked = request_line(asked, end);
	if (!asked && !*body)
		return; /* it may have been HEAD */
	/* libmicrohttpd cuts a method at a NUL, but not for itself */
	if (asked && end - asked >= 5 && !memcmp(asked, "HEAD ", 5)) {
		if (*body)
			finding("a body for HEAD: %s", body);
	} else if (strcmp(body, TEXT) != 0 &&
		   strncmp(body, "<!doctype html>", 15) != 0) {
		finding("another body: %s", body);
	}
}

/* Reads what has arrived; returns false if the server has disconnected. */
static bool hear(int fd, char *buf, size_t size, size_t *len)
{
	ssize_t n;

	while ((n = recv(fd, buf + *len, size - 1 - *len, MSG_DONTWAIT)) > 0) {
		*len += n;
		buf[*len] = '\0';
	}
	return n < 0 && errno == EAGAIN;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sockaddr_in from = { .sin_family = AF_INET, .sin_port = 1 };
	size_t sent, piece, len = 0;
	static char text[65536];
	int ends[2], i;

	if (size < 1)
		return -1;
	piece = 1 + data[0] * 16UL;
	data++;
	size--;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
		       ends))
		finding("no sockets: %s", strerror(errno));
	text[0] = '\0';
	if (MHD_add_connection(server->http, ends[0], (struct sockaddr *)&from,
			       sizeof(from)) != MHD_YES)
		finding("no connection: %s", strerror(errno));
	work();
	for (sent = 0; sent < size; sent += piece) {
		if (piece > size - sent)
			piece = size - sent;
		if (send(ends[1], data + sent, piece, MSG_NOSIGNAL) < 0)
			break;
		work();
		if (!hear(ends[1], text, sizeof(text), &len))
			break;
	}
	shutdown(ends[1], SHUT_WR);
	for (i = 0; i < ROUNDS_MAX; i++) {
		work();
		if (!hear(ends[1], text, sizeof(text), &len))
			break;
	}
	if (i == ROUNDS_MAX)
		finding("the client is done, and the server holds on");
	close(ends[1]);
	for (i = 0; i < ROUNDS_MAX && connections(); i++)
		work();
	if (connections())
		finding("%u connections are left", connections());
	check_response(text, data, size);
	return 0;
}
