// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: times good clients, in the client's network namespace.
 * With a RATE, a connection is opened every 1/RATE seconds, whatever happened
 * to earlier ones: a client that waited for each answer would open few
 * connections while things go badly, and report that they go well. With a RATE
 * of 0 there are AT_ONCE at any time, so as many as possible. Each connects,
 * gets /1k and reads it to the end. Timed are the handshake, from before
 * connect() until the socket is reported connected, and the first byte of the
 * answer, both including the second until a lost SYN is retransmitted. A
 * connection fails if it breaks, if its page is incomplete, or if it is not
 * done in time; both times are then the full time limit.
 *
 * No client address uses a port twice: what is in TIME-WAIT would answer
 * instead of the defence. Connection FIRST + i comes from one of the client
 * addresses in turn, each of which counts its ports up, and goes to one of the
 * server addresses in turn. The caller passes on what is printed as next.
 *
 * Prints one line of JSON, the times in microseconds.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
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
	AT_ONCE = 16,
	MOST_PER_SECOND = 50000, /* with a RATE of 0 */
	ADDRESSES_MAX = 64,
	PORT_MIN = 1024,
	PORTS = 65536 - PORT_MIN,
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
	int64_t first_byte_ns;
	size_t body; /* of the answer, so far */
};

struct run {
	struct in_addr clients, servers; /* the first of so many: */
	unsigned int n_clients, n_servers;
	unsigned int port; /* of the servers */
	unsigned int first;
	unsigned int rate; /* 0: AT_ONCE at a time */
	unsigned int seconds;
	int epoll;
	struct conn *conns;
	unsigned int total;
	unsigned int started;
	unsigned int ended;
	unsigned int over; /* so many of the oldest are */
	int64_t latest_ns; /* worst delay of a start */
};

static int64_t clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * second_ns + t.tv_nsec;
}

static void conn_end(struct run *r, struct conn *c, bool failed)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	c->failed = failed;
	if (failed)
		c->handshake_ns = c->first_byte_ns = timeout_ns;
	r->ended++;
}

static struct sockaddr_in address(struct in_addr first, unsigned int i,
				  unsigned int port)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(ntohl(first.s_addr) + i),
		.sin_port = htons(port),
	};
}

/* A socket that is connecting as connection number @i; negative: it failed. */
static int dial(const struct run *r, unsigned int i)
{
	unsigned int nth = i / r->n_clients;
	struct sockaddr_in from =
		address(r->clients, i % r->n_clients, PORT_MIN + nth % PORTS);
	struct sockaddr_in to =
		address(r->servers, nth % r->n_servers, r->port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return fd;
	if (!bind(fd, (struct sockaddr *)&from, sizeof(from)) &&
	    (!connect(fd, (struct sockaddr *)&to, sizeof(to)) ||
	     errno == EINPROGRESS))
		return fd;
	close(fd);
	return -1;
}

static void conn_start(struct run *r, int64_t due_ns)
{
	struct epoll_event e = { .events = EPOLLOUT, .data.u32 = r->started };
	unsigned int number = r->first + r->started;
	struct conn *c = &r->conns[r->started++];

	c->start_ns = clock_ns();
	if (c->start_ns - due_ns > r->latest_ns)
		r->latest_ns = c->start_ns - due_ns;
	c->fd = dial(r, number);
	if (c->fd < 0 || epoll_ctl(r->epoll, EPOLL_CTL_ADD, c->fd, &e))
		conn_end(r, c, true);
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
		conn_end(r, c, true);
	else
		c->connected = true;
}

static void conn_read(struct run *r, struct conn *c)
{
	char buf[4096 + 1], *body;
	ssize_t n = read(c->fd, buf, sizeof(buf) - 1);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		conn_end(r, c, n < 0 || c->body != PAGE_LEN);
		return;
	}
	if (!c->first_byte_ns)
		c->first_byte_ns = clock_ns() - c->start_ns;
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
			conn_end(r, c, true);
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
			conn_read(r, c);
		else
			conn_ask(r, c, &events[i]);
	}
	return 0;
}

/* Starts what is due. Returns when there is something to do again. */
static int64_t start_due(struct run *r, int64_t begin)
{
	int64_t now = clock_ns(), due;

	if (!r->rate && now >= begin + r->seconds * second_ns)
		r->total = r->started; /* the time is up */
	while (!r->rate && r->started < r->total &&
	       r->started - r->ended < AT_ONCE)
		conn_start(r, now);
	/* what may time out is looked at */
	if (!r->rate || r->started == r->total)
		return now + second_ns / 100;
	due = begin + r->started * second_ns / r->rate;
	if (now < due)
		return due;
	conn_start(r, due);
	return due + second_ns / r->rate;
}

static int clients_run(struct run *r)
{
	int64_t begin = clock_ns(), due;
	int err = 0;

	while (!err && r->over < r->total) {
		due = start_due(r, begin);
		err = wait_events(r, due);
		give_up_old(r, clock_ns());
	}
	return err;
}

static int by_time(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Prints percentiles of one of a connection's times, which is at @offset. */
static void print_times(const struct run *r, const char *name, size_t offset)
{
	static const struct {
		const char *name;
		double part;
	} parts[] = { { "p50", 0.5 },
		      { "p99", 0.99 },
		      { "p99.9", 0.999 },
		      { "max", 1 } };
	int64_t *ns = calloc(r->total, sizeof(*ns));
	unsigned int i;

	if (!ns)
		return;
	for (i = 0; i < r->total; i++)
		memcpy(&ns[i], (const char *)&r->conns[i] + offset,
		       sizeof(*ns));
	qsort(ns, r->total, sizeof(*ns), by_time);
	for (i = 0; i < sizeof(parts) / sizeof(*parts); i++)
		printf("\"%s %s\": %.1f, ", name, parts[i].name,
		       ns[(size_t)(parts[i].part * (r->total - 1))] / 1e3);
	free(ns);
}

static void print(const struct run *r)
{
	unsigned int i, failed = 0;

	for (i = 0; i < r->total; i++)
		failed += r->conns[i].failed;
	printf("{");
	print_times(r, "handshake", offsetof(struct conn, handshake_ns));
	print_times(r, "first byte", offsetof(struct conn, first_byte_ns));
	printf("\"connections\": %u, \"failed\": %u, \"per second\": %.1f, "
	       "\"started late\": %.1f, \"next\": %u}\n",
	       r->total, failed, (double)(r->total - failed) / r->seconds,
	       r->latest_ns / 1e3, r->first + r->total);
}

static int parse_number(const char *text, unsigned int min, unsigned int max,
			unsigned int *ret)
{
	char *end;
	unsigned long n;

	errno = 0;
	n = strtoul(text, &end, 10);
	if (errno || end == text || *end || *text == '-' || n < min || n > max)
		return -EINVAL;
	*ret = n;
	return 0;
}

/* "192.0.2.16+8" */
static int parse_addresses(char *text, struct in_addr *ret_first,
			   unsigned int *ret_n)
{
	char *plus = strchr(text, '+');

	if (!plus)
		return -EINVAL;
	*plus = 0;
	return inet_pton(AF_INET, text, ret_first) == 1
		       ? parse_number(plus + 1, 1, ADDRESSES_MAX, ret_n)
		       : -EINVAL;
}

static int parse(char **argv, struct run *r)
{
	return parse_addresses(argv[1], &r->clients, &r->n_clients) ||
	       parse_addresses(argv[2], &r->servers, &r->n_servers) ||
	       parse_number(argv[3], 1, 65535, &r->port) ||
	       parse_number(argv[4], 0, UINT_MAX / 2, &r->first) ||
	       parse_number(argv[5], 0, RATE_MAX, &r->rate) ||
	       parse_number(argv[6], 1, SECONDS_MAX, &r->seconds);
}

int main(int argc, char **argv)
{
	struct run r = { 0 };
	int err;

	if (argc != 7 || parse(argv, &r)) {
		fputs("usage: clients CLIENT+N SERVER+N PORT FIRST "
		      "CONNECTIONS_PER_SECOND SECONDS\n"
		      "N addresses from that one on; 0 a second: as many as "
		      "possible\n",
		      stderr);
		return 2;
	}
	r.total = (r.rate ? r.rate : MOST_PER_SECOND) * r.seconds;
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
