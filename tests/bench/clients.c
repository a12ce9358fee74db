// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: times good clients, in the client's network namespace. A
 * connection is opened every 1/RATE seconds, whatever happened to earlier ones:
 * a client that waited for each answer would open few connections while things
 * go badly, and report that they go well. Each connects, gets /1k and reads it
 * to the end. Timed is the handshake, from before connect() until the socket is
 * reported connected, including the second until a lost SYN is retransmitted. A
 * connection fails if it breaks, if its page is incomplete, or if it is not
 * done in time; its handshake then counts with the full time limit.
 *
 * Prints one line of JSON, the handshakes in microseconds.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	SECONDS_MAX = 60,
	RATE_MAX = 20000,
	PAGE_LEN = 1024,
	EVENTS = 64,
};

static const int64_t second_ns = 1000000000;
static const int64_t timeout_ns = 3000000000;
static const char request[] = "GET /1k HTTP/1.0\r\n\r\n";

struct conn {
	int fd; /* -1: over */
	bool connected;
	bool headed; /* the answer's head is there */
	bool failed;
	int64_t start_ns;
	int64_t handshake_ns;
	size_t body; /* of the answer, so far */
};

struct run {
	struct sockaddr_storage to;
	socklen_t to_len;
	unsigned int rate;
	unsigned int seconds;
	int epoll;
	struct conn *conns;
	unsigned int total;
	unsigned int started;
	unsigned int over; /* so many of the oldest are */
	int64_t latest_ns; /* worst delay of a start */
};

static int64_t clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * second_ns + t.tv_nsec;
}

static void conn_end(struct conn *c, bool failed)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	c->failed = failed;
	if (failed)
		c->handshake_ns = timeout_ns;
}

static void conn_start(struct run *r, int64_t due_ns)
{
	struct epoll_event e = { .events = EPOLLOUT, .data.u32 = r->started };
	struct conn *c = &r->conns[r->started++];

	c->fd = socket(r->to.ss_family, SOCK_STREAM | SOCK_NONBLOCK, 0);
	c->start_ns = clock_ns();
	if (c->start_ns - due_ns > r->latest_ns)
		r->latest_ns = c->start_ns - due_ns;
	if (c->fd < 0 ||
	    (connect(c->fd, (struct sockaddr *)&r->to, r->to_len) &&
	     errno != EINPROGRESS) ||
	    epoll_ctl(r->epoll, EPOLL_CTL_ADD, c->fd, &e))
		conn_end(c, true);
}

/* Connected, or failed to. */
static void conn_ask(struct run *r, struct conn *c, struct epoll_event *e)
{
	const ssize_t len = sizeof(request) - 1;
	socklen_t err_len = sizeof(int);
	int err;

	c->handshake_ns = clock_ns() - c->start_ns;
	e->events = EPOLLIN;
	if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &err, &err_len) || err ||
	    write(c->fd, request, len) != len ||
	    epoll_ctl(r->epoll, EPOLL_CTL_MOD, c->fd, e))
		conn_end(c, true);
	else
		c->connected = true;
}

static void conn_read(struct conn *c)
{
	char buf[4096 + 1], *body;
	ssize_t n = read(c->fd, buf, sizeof(buf) - 1);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		conn_end(c, n < 0 || c->body != PAGE_LEN);
		return;
	}
	if (!c->headed) { /* nginx sends it in one piece */
		buf[n] = 0;
		body = strstr(buf, "\r\n\r\n");
		c->headed = body != NULL;
		n -= body ? body + 4 - buf : n;
	}
	c->body += n;
}

static void give_up_old(struct run *r, int64_t now)
{
	for (; r->over < r->started; r->over++) {
		struct conn *c = &r->conns[r->over];

		if (c->fd >= 0) {
			if (now - c->start_ns < timeout_ns)
				return;
			conn_end(c, true);
		}
	}
}

static int wait_events(struct run *r, int64_t until_ns)
{
	struct epoll_event events[EVENTS];
	int64_t ns = until_ns - clock_ns();
	struct timespec t = { 0 };
	int i, n;

	if (ns > 0) {
		t.tv_sec = ns / second_ns;
		t.tv_nsec = ns % second_ns;
	}
	n = epoll_pwait2(r->epoll, events, EVENTS, &t, NULL);
	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	for (i = 0; i < n; i++) {
		struct conn *c = &r->conns[events[i].data.u32];

		if (c->connected)
			conn_read(c);
		else
			conn_ask(r, c, &events[i]);
	}
	return 0;
}

static int clients_run(struct run *r)
{
	int64_t begin = clock_ns(), due;
	int err = 0;

	while (!err && r->over < r->total) {
		due = begin + r->started * second_ns / r->rate;
		if (r->started < r->total && clock_ns() >= due) {
			conn_start(r, due);
			due += second_ns / r->rate;
		}
		/* with all started, what may still time out is looked at */
		if (r->started == r->total)
			due = clock_ns() + second_ns / 100;
		err = wait_events(r, due);
		give_up_old(r, clock_ns());
	}
	return err;
}

static int by_handshake(const void *a, const void *b)
{
	const struct conn *x = a, *y = b;

	return (x->handshake_ns > y->handshake_ns) -
	       (x->handshake_ns < y->handshake_ns);
}

static double percentile(const struct run *r, double part)
{
	return r->conns[(size_t)(part * (r->total - 1))].handshake_ns / 1e3;
}

static void print(struct run *r)
{
	unsigned int i, failed = 0;

	for (i = 0; i < r->total; i++)
		failed += r->conns[i].failed;
	qsort(r->conns, r->total, sizeof(*r->conns), by_handshake);
	printf("{\"connections\": %u, \"failed\": %u, \"p50\": %.1f, "
	       "\"p99\": %.1f, \"p99.9\": %.1f, \"max\": %.1f, "
	       "\"started_late\": %.1f}\n",
	       r->total, failed, percentile(r, 0.5), percentile(r, 0.99),
	       percentile(r, 0.999), percentile(r, 1), r->latest_ns / 1e3);
}

static int parse_number(const char *text, unsigned int max, unsigned int *ret)
{
	char *end;
	unsigned long n;

	errno = 0;
	n = strtoul(text, &end, 10);
	if (errno || end == text || *end || *text == '-' || !n || n > max)
		return -EINVAL;
	*ret = n;
	return 0;
}

static int parse_address(const char *text, unsigned int port, struct run *r)
{
	struct sockaddr_in *v4 = (void *)&r->to;
	struct sockaddr_in6 *v6 = (void *)&r->to;

	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		r->to_len = sizeof(*v4);
		return 0;
	}
	if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(port);
		r->to_len = sizeof(*v6);
		return 0;
	}
	return -EINVAL;
}

int main(int argc, char **argv)
{
	struct run r = { 0 };
	unsigned int port;
	int err;

	if (argc != 5 || parse_number(argv[2], 65535, &port) ||
	    parse_address(argv[1], port, &r) ||
	    parse_number(argv[3], RATE_MAX, &r.rate) ||
	    parse_number(argv[4], SECONDS_MAX, &r.seconds)) {
		fputs("usage: clients ADDRESS PORT CONNECTIONS_PER_SECOND "
		      "SECONDS\n",
		      stderr);
		return 2;
	}
	r.total = r.rate * r.seconds;
	r.conns = calloc(r.total, sizeof(*r.conns));
	r.epoll = epoll_create1(0);
	if (!r.conns)
		err = -ENOMEM;
	else
		err = r.epoll < 0 ? -errno : clients_run(&r);
	if (err)
		fprintf(stderr, "clients: %s\n", strerror(-err));
	else
		print(&r);
	close(r.epoll);
	free(r.conns);
	return err ? 1 : 0;
}
