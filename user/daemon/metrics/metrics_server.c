/* SPDX-License-Identifier: GPL-2.0-only */
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control/acceptor.h"
#include "kernel/clock.h"
#include "log.h"
#include "loop/timer.h"
#include "metrics_guests.h"
#include "metrics_server.h"

enum {
	/* closing a connection may take a moment */
	GUESTS_MAX = 2 * METRICS_CLIENTS_MAX,
};

struct metrics_server {
	sd_event *loop;
	metrics_make make;
	void *data;
	int fd;
	struct MHD_Daemon *http;
	struct MHD_Response *latest; /* the text, or NULL */
	__u64 made_ns;
	struct metrics_guest guests[GUESTS_MAX];
	__u64 guests_so_far;
	struct acceptor acceptor;
	sd_event_source *io;	/* libmicrohttpd's epoll descriptor */
	sd_event_source *timer; /* when it must run at the latest */
};

/* ---- what is answered ---- */

/* Takes ownership of @text, also on failure. */
static struct MHD_Response *response(size_t len, char *text, const char *type)
{
	struct MHD_Response *r =
		MHD_create_response_from_buffer_with_free_callback(len, text,
								   free);

	if (!r) {
		free(text);
		return NULL;
	}
	MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	MHD_add_response_header(r, MHD_HTTP_HEADER_CONNECTION, "close");
	return r;
}

static enum MHD_Result reply(struct MHD_Connection *c, unsigned int status,
			     const char *type, const char *text)
{
	char *copy = strdup(text);
	struct MHD_Response *r;
	enum MHD_Result ret;

	r = copy ? response(strlen(copy), copy, type) : NULL;
	if (!r)
		return MHD_NO;
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(r, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	ret = MHD_queue_response(c, status, r);
	MHD_destroy_response(r);
	return ret;
}

static int refresh(struct metrics_server *s)
{
	__u64 now = clock_ns();
	char *text;
	size_t len;
	int err;

	if (s->latest && now - s->made_ns < METRICS_FRESH_MS * 1000000ULL)
		return 0;
	err = s->make(s->data, &text, &len);
	if (err)
		return err;
	if (s->latest)
		MHD_destroy_response(
			s->latest); /* others may still be reading it */
	s->latest =
		response(len, text, "text/plain; version=0.0.4; charset=utf-8");
	s->made_ns = now;
	return s->latest ? 0 : -ENOMEM;
}

/* An MHD_AccessHandlerCallback. Answers at once, so no body is read. */
static enum MHD_Result on_request(void *data, struct MHD_Connection *c,
				  const char *url, const char *method,
				  const char *version, const char *body,
				  size_t *body_len, void **context)
{
	static const char plain[] = "text/plain; charset=utf-8";
	struct metrics_server *s = data;
	bool page = !strcmp(url, "/");

	(void)version;
	(void)body;
	(void)body_len;
	(void)context;
	if (!page && strcmp(url, "/metrics") != 0)
		return reply(c, MHD_HTTP_NOT_FOUND, plain,
			     "not found: see /metrics\n");
	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 &&
	    strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
		return reply(c, MHD_HTTP_METHOD_NOT_ALLOWED, plain,
			     "only GET and HEAD\n");
	if (page)
		return reply(c, MHD_HTTP_OK, "text/html; charset=utf-8",
			     "<!doctype html><title>Synkeeper</title>"
			     "<a href=\"/metrics\">metrics</a>\n");
	if (refresh(s))
		return reply(c, MHD_HTTP_INTERNAL_SERVER_ERROR, plain,
			     "the metrics could not be read\n");
	return MHD_queue_response(c, MHD_HTTP_OK, s->latest);
}

/* ---- connections ---- */

/* Runs libmicrohttpd, and asks when it has to run next. */
static void run(struct metrics_server *s)
{
	MHD_UNSIGNED_LONG_LONG ms;

	MHD_run(s->http);
	if (MHD_get_timeout(s->http, &ms) != MHD_YES) {
		sd_event_source_set_enabled(s->timer, SD_EVENT_OFF);
		return;
	}
	timer_set(s->timer, ms * 1000);
}

static int on_io(sd_event_source *source, int fd, uint32_t revents, void *data)
{
	(void)source;
	(void)fd;
	(void)revents;
	run(data);
	return 0;
}

static int on_timer(sd_event_source *source, uint64_t when, void *data)
{
	(void)source;
	(void)when;
	run(data);
	return 0;
}

/* libmicrohttpd notices the closed socket and drops the connection. */
static void hang_up(struct MHD_Connection *c)
{
	shutdown(MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD)
			 ->connect_fd,
		 SHUT_RDWR);
}

static int on_deadline(sd_event_source *source, uint64_t when, void *connection)
{
	(void)source;
	(void)when;
	hang_up(connection);
	return 0;
}

static struct metrics_guest *find_guest(struct metrics_server *s,
					const struct MHD_Connection *c)
{
	int i;

	for (i = 0; i < GUESTS_MAX; i++)
		if (s->guests[i].connection == c)
			return &s->guests[i];
	return NULL;
}

/* An MHD_NotifyConnectionCallback; *@deadline is the connection's timer. */
static void on_connection(void *data, struct MHD_Connection *c, void **deadline,
			  enum MHD_ConnectionNotificationCode what)
{
	struct metrics_server *s = data;
	struct metrics_guest *guest;
	sd_event_source *timer = NULL;

	if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
		sd_event_source_disable_unref(*deadline);
		guest = find_guest(s, c);
		if (guest)
			guest->connection = NULL;
		return;
	}
	guest = find_guest(s, NULL);
	if (guest)
		metrics_guest_begin(
			guest, c,
			MHD_get_connection_info(
				c, MHD_CONNECTION_INFO_CLIENT_ADDRESS)
				->client_addr,
			++s->guests_so_far);
	if (!guest ||
	    sd_event_add_time_relative(s->loop, &timer, CLOCK_MONOTONIC,
				       METRICS_LIFE_S * 1000000ULL, 0,
				       on_deadline, c) < 0)
		hang_up(c);
	*deadline = timer;
}

/* Makes room for one more. */
static void make_room(struct metrics_server *s)
{
	struct metrics_guest *victim;

	if (metrics_guests_staying(s->guests, GUESTS_MAX) < METRICS_CLIENTS_MAX)
		return;
	victim = metrics_guests_victim(s->guests, GUESTS_MAX);
	victim->leaving = true;
	hang_up(victim->connection);
	MHD_run(s->http); /* which drops it */
}

static int on_accept(sd_event_source *source, int fd, uint32_t revents,
		     void *data)
{
	struct metrics_server *s = data;
	struct sockaddr_storage from;
	socklen_t len;
	int i, client;

	(void)source;
	(void)fd;
	(void)revents;
	for (i = 0; i < METRICS_CLIENTS_MAX; i++) {
		client = acceptor_accept(&s->acceptor, &from, &len);
		if (client < 0)
			break;
		make_room(s);
		/* closes it on failure */
		MHD_add_connection(s->http, client, (struct sockaddr *)&from,
				   len);
		run(s); /* only now is it a guest */
	}
	return 0;
}

/* ---- start and stop ---- */

static int open_socket(int family, const void *at, socklen_t len)
{
	int one = 1, zero = 0, fd, err;

	fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof(zero));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (!bind(fd, at, len) && !listen(fd, METRICS_BACKLOG))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

/* A wildcard accepts both families, or IPv4 if the host has no IPv6. */
static int open_listener(const struct listen *l)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6,
				    .sin6_port = l->port };
	struct sockaddr_in in4 = { .sin_family = AF_INET,
				   .sin_port = l->port,
				   .sin_addr.s_addr = l->addr[3] };
	int fd;

	memcpy(&in6.sin6_addr, l->addr, sizeof(in6.sin6_addr));
	if (IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr))
		return open_socket(AF_INET, &in4, sizeof(in4));
	fd = open_socket(AF_INET6, &in6, sizeof(in6));
	if (fd == -EAFNOSUPPORT && l->wildcard)
		fd = open_socket(AF_INET, &in4, sizeof(in4));
	return fd;
}

static const char *way_out(int err)
{
	switch (err) {
	case -EADDRINUSE:
		return ": the port is in use: choose another";
	case -EADDRNOTAVAIL:
		return ": no interface of this host has that address";
	default:
		return "";
	}
}

static int start_http(struct metrics_server *s)
{
	const union MHD_DaemonInfo *epoll;
	int err;

	s->http = MHD_start_daemon(
		MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET, 0, NULL, NULL,
		on_request, s, MHD_OPTION_NOTIFY_CONNECTION, on_connection, s,
		MHD_OPTION_CONNECTION_LIMIT, (unsigned int)GUESTS_MAX,
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned int)METRICS_IDLE_S,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)METRICS_MEMORY,
		MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
	if (!s->http)
		return -ENOMEM;
	epoll = MHD_get_daemon_info(s->http, MHD_DAEMON_INFO_EPOLL_FD);
	err = acceptor_start(&s->acceptor, s->loop, s->fd,
			     SD_EVENT_PRIORITY_IDLE, on_accept, s);
	if (err >= 0)
		err = sd_event_add_io(s->loop, &s->io, epoll->epoll_fd, EPOLLIN,
				      on_io, s);
	if (err >= 0)
		err = sd_event_source_set_priority(s->io,
						   SD_EVENT_PRIORITY_IDLE);
	if (err >= 0)
		err = timer_add(s->loop, &s->timer, TIMER_EXACT, on_timer, s);
	if (err >= 0)
		err = sd_event_source_set_priority(s->timer,
						   SD_EVENT_PRIORITY_IDLE);
	if (err >= 0)
		err = timer_set(s->timer, 0);
	return err < 0 ? err : 0;
}

int metrics_start(sd_event *loop, const struct listen *at, metrics_make make,
		  void *data, struct metrics_server **ret)
{
	struct metrics_server *s = calloc(1, sizeof(*s));
	char text[LISTEN_STRLEN];
	int err;

	if (!s)
		return -ENOMEM;
	s->loop = loop;
	s->make = make;
	s->data = data;
	s->fd = open_listener(at);
	err = s->fd < 0 ? s->fd : start_http(s);
	if (err) {
		log_err("--metrics, or metrics under [daemon]: cannot listen "
			"at %s: %s%s",
			listen_format(at, text), strerror(-err), way_out(err));
		metrics_stop(s);
		return err;
	}
	*ret = s;
	return 0;
}

void metrics_stop(struct metrics_server *s)
{
	if (!s)
		return;
	acceptor_stop(&s->acceptor);
	sd_event_source_disable_unref(s->io);
	timer_free(s->timer);
	if (s->http)
		MHD_stop_daemon(s->http);
	if (s->latest)
		MHD_destroy_response(s->latest);
	if (s->fd >= 0)
		close(s->fd);
	free(s);
}
