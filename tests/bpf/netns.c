// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: for anything that happens outside of this thread, polls
 * the kernel's own tables, for at most two seconds.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "netns.h"
#include "check.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262 /* glibc 2.32 */
#endif

enum { SOCKETS_MAX = 64, WAIT_MS = 2000 };
enum { STATE_SYN_RECV = 3, STATE_TIME_WAIT = 6 };

static int sockets[SOCKETS_MAX];
static unsigned n_sockets;

union address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

static void die(const char *what)
{
	fail_msg("%s: %s", what, strerror(errno));
}

int netns_enter(void)
{
	if (unshare(CLONE_NEWNET))
		return -errno;
	return system("ip link set lo up && "
		      "ip address add " SERVER4 "/32 dev lo && "
		      "ip address add " NEAR4 "/32 dev lo && "
		      "ip address add " SERVER6 "/128 dev lo nodad && "
		      "ip address add " NEAR6 "/128 dev lo nodad && "
		      "ip route add 198.51.100.0/24 dev lo && "
		      "ip route add 2001:db8:c::/48 dev lo")
		       ? -EIO
		       : 0;
}

void netns_sysctl(const char *name, const char *value)
{
	char path[96];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/sys/net/ipv4/%s", name);
	f = fopen(path, "w");
	if (!f || fputs(value, f) < 0 || fclose(f))
		die(path);
}

static int keep(int fd)
{
	assert_true(n_sockets < SOCKETS_MAX);
	sockets[n_sockets++] = fd;
	return fd;
}

void netns_close_all(void)
{
	struct linger reset = { .l_onoff = 1 };

	while (n_sockets) {
		int fd = sockets[--n_sockets];

		setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
		close(fd);
	}
}

static socklen_t fill(union address *a, bool v6, const char *text,
		      uint16_t port)
{
	memset(a, 0, sizeof(*a));
	a->any.sa_family = v6 ? AF_INET6 : AF_INET;
	if (v6) {
		a->in6.sin6_port = htons(port);
		inet_pton(AF_INET6, text, &a->in6.sin6_addr);
		return sizeof(a->in6);
	}
	a->in.sin_port = htons(port);
	inet_pton(AF_INET, text, &a->in.sin_addr);
	return sizeof(a->in);
}

static void bind_to(int fd, bool v6, const char *text, uint16_t port)
{
	union address a;
	socklen_t len = fill(&a, v6, text, port);
	int on = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, &a.any, len))
		die("bind");
}

/* A TCP socket bound to an address of one family. */
static int bound(bool v6, const char *text, uint16_t port)
{
	int fd = keep(socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM, 0)), on = 1;

	if (v6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	bind_to(fd, v6, text, port);
	return fd;
}

static int listening(int fd)
{
	if (listen(fd, 64))
		die("listen");
	return fd;
}

int netns_listen(bool v6, uint16_t port)
{
	return listening(bound(v6, v6 ? "::" : "0.0.0.0", port));
}

static int listen_both(int fd, uint16_t port)
{
	int off = 0;

	setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	bind_to(fd, true, "::", port);
	return listening(fd);
}

int netns_listen_dual(uint16_t port)
{
	return listen_both(keep(socket(AF_INET6, SOCK_STREAM, 0)), port);
}

int netns_listen_mptcp(uint16_t port)
{
	int fd = socket(AF_INET6, SOCK_STREAM, IPPROTO_MPTCP);

	return fd < 0 ? -1 : listen_both(keep(fd), port);
}

static uint16_t sport(const struct spec *s)
{
	return s->sport ? s->sport : 40000;
}

static uint16_t dport(const struct spec *s)
{
	return s->dport ? s->dport : 443;
}

int netns_dial(const struct spec *s)
{
	int client = bound(s->v6, spec_src(s), sport(s));
	union address a;
	socklen_t len = fill(&a, s->v6, spec_dst(s), dport(s));

	if (connect(client, &a.any, len))
		die("connect");
	return client;
}

void netns_connect(const struct spec *s, int *ret_client, int *ret_server)
{
	int listener = netns_listen(s->v6, dport(s));
	int client = netns_dial(s), server;

	server = keep(accept(listener, NULL, NULL));
	if (server < 0)
		die("accept");
	if (ret_client)
		*ret_client = client;
	if (ret_server)
		*ret_server = server;
}

void netns_fill_queue(int listener, const struct spec *s)
{
	struct pollfd p = { .fd = listener, .events = POLLIN };

	if (listen(listener, 0)) /* room for one */
		die("listen");
	netns_dial(s);
	if (poll(&p, 1, WAIT_MS) != 1)
		fail_msg("no connection came to the listener");
}

/* Is there a socket of this host in @state from dport to sport? */
static bool has_state(const struct spec *s, unsigned state)
{
	FILE *f = fopen(s->v6 ? "/proc/net/tcp6" : "/proc/net/tcp", "r");
	char line[512];
	unsigned local, remote, st;
	bool found = false;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, " %*d: %*[^:]:%x %*[^:]:%x %x", &local,
			   &remote, &st) == 3)
			found |= local == dport(s) && remote == sport(s) &&
				 st == state;
	if (f)
		fclose(f);
	return found;
}

static void wait_state(const struct spec *s, unsigned state)
{
	int ms;

	for (ms = 0; !has_state(s, state); ms++) {
		if (ms == WAIT_MS)
			fail_msg("no socket came to state %u", state);
		usleep(1000);
	}
}

void netns_time_wait(const struct spec *s)
{
	int client, server;

	netns_connect(s, &client, &server);
	shutdown(server, SHUT_WR); /* whoever closes first gets TIME-WAIT */
	shutdown(client, SHUT_WR);
	wait_state(s, STATE_TIME_WAIT);
}

static void send_ip(const struct spec *s)
{
	static struct frame f;
	int fd = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
	union address a;
	socklen_t len = fill(&a, false, spec_dst(s), 0);

	packet_build(s, &f);
	if (sendto(fd, f.data + f.l3, f.end - f.l3, 0, &a.any, len) < 0)
		die("raw send");
	close(fd);
}

void netns_half_open(const struct spec *s)
{
	send_ip(s);
	wait_state(s, STATE_SYN_RECV);
}

void netns_syn_sent(const struct spec *s)
{
	int fd = bound(s->v6, spec_dst(s), dport(s));
	union address a;
	socklen_t len = fill(&a, s->v6, spec_src(s), sport(s));

	fcntl(fd, F_SETFL, O_NONBLOCK);
	if (!connect(fd, &a.any, len) || errno != EINPROGRESS)
		die("connect to nowhere");
}

uint32_t netns_kernel_cookie(const struct spec *s)
{
	int fd = keep(socket(AF_INET, SOCK_RAW, IPPROTO_TCP));
	struct pollfd p = { .fd = fd, .events = POLLIN };
	uint8_t d[256];
	uint32_t seq;

	netns_sysctl("tcp_syncookies", "2");
	send_ip(s);
	while (poll(&p, 1, WAIT_MS) == 1) {
		if (recv(fd, d, sizeof(d), 0) < 40 || d[33] != (SYN | ACK))
			continue;
		memcpy(&seq, d + 24, 4);
		return ntohl(seq);
	}
	fail_msg("the kernel sent no SYN-ACK");
	return 0;
}
