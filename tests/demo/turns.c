// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: times good clients, one after another. CLIENTS of them
 * run in parallel; each connects, sends a request, reads the answer to the end,
 * and is replaced by the next one, with an unused address and port. (A recently
 * used port is in TIME-WAIT on the server and in conntrack, and how those are
 * handled would be measured instead.) A connection is good if the whole answer
 * arrives within two seconds; otherwise it has failed.
 *
 * Prints a line of JSON four times a second, and one at the end:
 *
 *   {"seconds", "good", "failed", "p50", "p99"}
 *
 * where the percentiles, in milliseconds and only in the last line, are from
 * connect() to the end of the answer. They include failed connections and those
 * still waiting, with the time waited so far: otherwise the slowest would be
 * missing.
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
	CLIENTS = 16,
	SECONDS_MAX = 60,
	ADDRESSES_MAX = 64,
	PORT_MIN = 1024,
	PORTS = 65536 - PORT_MIN,
	TIMES_MAX = 1 << 22,
	ANSWER_MIN = 1024,
};

static const int64_t second_ns = 1000000000;
static const int64_t timeout_ns = 2000000000;
static const int64_t report_ns = 250000000;
static const char request[] = "GET /1k HTTP/1.0\r\n\r\n";

struct client {
	int fd;
	bool connected;
	int64_t start_ns;
	size_t got; /* bytes of the answer */
};

struct run {
	struct in_addr from[ADDRESSES_MAX], to[ADDRESSES_MAX];
	uint64_t froms, tos;
	unsigned int port;
	int64_t begin_ns, end_ns;
	int epoll;
	struct client clients[CLIENTS];
	uint64_t started, good, failed, times;
	float *ms; /* of TIMES_MAX */
};

static int64_t clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * second_ns + t.tv_nsec;
}

/* The next pair of endpoints. None repeats before all have been used. */
static void next_ends(struct run *r, struct sockaddr_in *from,
		      struct sockaddr_in *to)
{
	uint64_t n = r->started++, pair = n % (r->froms * r->tos);

	*from = (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_addr = r->from[pair % r->froms],
		.sin_port = htons(PORT_MIN + n / (r->froms * r->tos) % PORTS),
	};
	*to = (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_addr = r->to[pair / r->froms],
		.sin_port = htons(r->port),
	};
}

/* Returns 0, or -errno for a local error, which makes continuing pointless. */
static int client_start(struct run *r, struct client *c)
{
	struct epoll_event e = { .events = EPOLLOUT,
				 .data.u32 = c - r->clients };
	struct sockaddr_in from, to;
	int one = 1;

	next_ends(r, &from, &to);
	*c = (struct client){ .start_ns = clock_ns() };
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (c->fd < 0 ||
	    setsockopt(c->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
	    bind(c->fd, (struct sockaddr *)&from, sizeof(from)) ||
	    (connect(c->fd, (struct sockaddr *)&to, sizeof(to)) &&
	     errno != EINPROGRESS) ||
	    epoll_ctl(r->epoll, EPOLL_CTL_ADD, c->fd, &e))
		return -errno;
	return 0;
}

static void note_time(struct run *r, int64_t ns)
{
	if (r->times < TIMES_MAX)
		r->ms[r->times++] = ns / 1e6;
}

/* Ends this client and starts the next one. */
static int client_end(struct run *r, struct client *c, bool good)
{
	int64_t took = clock_ns() - c->start_ns;

	note_time(r, good ? took : timeout_ns);
	if (good)
		r->good++;
	else
		r->failed++;
	close(c->fd);
	return client_start(r, c);
}

static int client_ask(struct run *r, struct client *c, struct epoll_event *e)
{
	const ssize_t len = sizeof(request) - 1;

	e->events = EPOLLIN;
	c->connected = true;
	if (write(c->fd, request, len) != len ||
	    epoll_ctl(r->epoll, EPOLL_CTL_MOD, c->fd, e))
		return client_end(r, c, false);
	return 0;
}

static int client_read(struct run *r, struct client *c)
{
	char buf[4096];
	ssize_t n = read(c->fd, buf, sizeof(buf));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0)
		return client_end(r, c, !n && c->got > ANSWER_MIN);
	c->got += n;
	return 0;
}

static int give_up_old(struct run *r, int64_t now)
{
	int err = 0, i;

	for (i = 0; !err && i < CLIENTS; i++)
		if (now - r->clients[i].start_ns >= timeout_ns)
			err = client_end(r, &r->clients[i], false);
	return err;
}

static int look(struct run *r)
{
	struct epoll_event events[CLIENTS];
	int i, err = 0, n = epoll_wait(r->epoll, events, CLIENTS, 10);

	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	for (i = 0; !err && i < n; i++) {
		struct client *c = &r->clients[events[i].data.u32];

		err = c->connected ? client_read(r, c)
				   : client_ask(r, c, &events[i]);
	}
	return err;
}

static void print_so_far(const struct run *r, int64_t now)
{
	printf("{\"seconds\": %.3f, \"good\": %lu, \"failed\": %lu}\n",
	       (double)(now - r->begin_ns) / second_ns, r->good, r->failed);
	fflush(stdout);
}

static int by_value(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;

	return (x > y) - (x < y);
}

static double percentile(const struct run *r, double part)
{
	return r->times ? r->ms[(size_t)(part * (r->times - 1))] : 0;
}

static void print_end(struct run *r)
{
	int64_t now = clock_ns();
	int i;

	for (i = 0; i < CLIENTS; i++)
		note_time(r, now - r->clients[i].start_ns);
	qsort(r->ms, r->times, sizeof(*r->ms), by_value);
	printf("{\"seconds\": %.3f, \"good\": %lu, \"failed\": %lu, "
	       "\"p50\": %.3f, \"p99\": %.3f}\n",
	       (double)(now - r->begin_ns) / second_ns, r->good, r->failed,
	       percentile(r, 0.5), percentile(r, 0.99));
}

static int run(struct run *r, double seconds)
{
	int64_t now = clock_ns(), report = now + report_ns;
	int err = 0, i;

	r->begin_ns = now;
	r->end_ns = now + (int64_t)(seconds * 1e9);
	for (i = 0; !err && i < CLIENTS; i++)
		err = client_start(r, &r->clients[i]);
	while (!err && now < r->end_ns) {
		err = look(r);
		now = clock_ns();
		if (!err)
			err = give_up_old(r, now);
		if (now >= report) {
			print_so_far(r, now);
			report += report_ns;
		}
	}
	return err;
}

/* "192.0.2.1,192.0.2.3": returns how many, 0 if invalid. */
static uint64_t parse_addresses(char *text, struct in_addr *ret)
{
	uint64_t n = 0;
	char *part;

	for (; (part = strsep(&text, ",")); n++)
		if (n == ADDRESSES_MAX ||
		    inet_pton(AF_INET, part, ret + n) != 1)
			return 0;
	return n;
}

int main(int argc, char **argv)
{
	static struct run r;
	double seconds = argc == 5 ? atof(argv[4]) : 0;
	int err;

	if (argc == 5) {
		r.froms = parse_addresses(argv[1], r.from);
		r.tos = parse_addresses(argv[2], r.to);
		r.port = atoi(argv[3]);
	}
	if (!r.froms || !r.tos || r.port < 1 || r.port > 65535 ||
	    !(seconds > 0 && seconds <= SECONDS_MAX)) {
		fputs("usage: turns FROM[,FROM...] TO[,TO...] PORT SECONDS\n",
		      stderr);
		return 2;
	}
	r.epoll = epoll_create1(0);
	r.ms = calloc(TIMES_MAX, sizeof(*r.ms));
	if (r.epoll < 0 || !r.ms)
		err = -ENOMEM;
	else
		err = run(&r, seconds);
	if (err)
		fprintf(stderr, "turns: %s\n", strerror(-err));
	else
		print_end(&r);
	free(r.ms);
	return err ? 1 : 0;
}
