/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the host's TCP: sysctls that admitted connections depend
 * on, listeners that accept few or none of them, and services whose listener is
 * elsewhere. What SYN cookies do not affect is not checked: there is no SYN
 * queue, and reverse path filters see the usual packets.
 */
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text/addr.h"
#include "check.h"

enum { SMALL_BACKLOG = 64 };

int check_sysctl(const char *path, int fallback)
{
	char file[128];
	int value;
	FILE *f;

	snprintf(file, sizeof(file), "/proc/sys/net/%s", path);
	f = fopen(file, "re");
	if (!f)
		return fallback;
	if (fscanf(f, "%d", &value) != 1)
		value = fallback;
	fclose(f);
	return value;
}

/* If 0, the kernel accepts no cookie, whoever made it: clients would hang. */
void check_syncookies(struct check *c)
{
	int on = check_sysctl("ipv4/tcp_syncookies", 0);

	check_add(c, "tcp_syncookies", on ? CHECK_OK : CHECK_WARN,
		  "cookies need 1 (the kernel's cookies 2): synkeeperd sets it "
		  "while a service is armed, and restores it",
		  "%d", on);
}

/* Options that this host has disabled are not offered to clients. */
void check_options(struct check *c)
{
	static const struct {
		const char *name, *loss;
	} options[] = {
		{ "tcp_timestamps",
		  "clients are not offered timestamps, and cookies have a MAC "
		  "of 25 bits instead of 54" },
		{ "tcp_window_scaling",
		  "clients are not offered window scaling: slow with long "
		  "round-trip times" },
		{ "tcp_sack",
		  "clients are not offered SACK: slow with packet loss" },
	};
	size_t i;

	for (i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		char path[64], fix[192];
		bool on;

		snprintf(path, sizeof(path), "ipv4/%s", options[i].name);
		snprintf(fix, sizeof(fix), "%s; sysctl -w net.ipv4.%s=1",
			 options[i].loss, options[i].name);
		on = check_sysctl(path, 0);
		check_add(c, options[i].name, on ? CHECK_OK : CHECK_WARN, fix,
			  "%s", on ? "on" : "off");
	}
}

/* ---- listeners ---- */

static bool is_loopback(const struct diag_socket *sk)
{
	const __be32 *a = sk->tuple.server;

	if (tuple_is_v4(&sk->tuple))
		return be32toh(a[3]) >> 24 == 127;
	return !a[0] && !a[1] && !a[2] && be32toh(a[3]) == 1;
}

static void keep_listener(const struct diag_socket *sk, void *data)
{
	struct check *c = data;
	struct diag_socket *more;

	if (is_loopback(sk))
		return;
	more = reallocarray(c->listeners, c->n_listeners + 1, sizeof(*more));
	if (!more)
		return;
	more[c->n_listeners++] = *sk;
	c->listeners = more;
}

static unsigned int port_of(const struct diag_socket *sk)
{
	return be16toh(sk->tuple.server_port);
}

static int by_port(const void *a, const void *b)
{
	return (int)port_of(a) - (int)port_of(b);
}

void check_find_listeners(struct check *c)
{
	struct sockdiag *diag;

	if (sockdiag_open(&diag))
		return;
	sockdiag_dump(diag, 1 << TCP_LISTEN, keep_listener, c);
	sockdiag_close(diag);
	if (c->n_listeners)
		qsort(c->listeners, c->n_listeners, sizeof(*c->listeners),
		      by_port);
}

const char *check_ports(const struct check *c,
			bool (*is)(const struct check *c, size_t i),
			char buf[CHECK_PORTS_LEN])
{
	unsigned int last = 0;
	size_t i, n = 0;

	*buf = '\0';
	for (i = 0; i < c->n_listeners; i++) {
		const struct diag_socket *sk = &c->listeners[i];

		if (!is(c, i) || port_of(sk) == last)
			continue;
		last = port_of(sk);
		if (n > CHECK_PORTS_LEN - 16)
			return strcpy(buf + n, ", ...") - n;
		n += snprintf(buf + n, CHECK_PORTS_LEN - n, "%s%u",
			      n ? ", " : "", last);
	}
	return buf;
}

static bool is_small(const struct check *c, size_t i)
{
	return c->listeners[i].backlog < SMALL_BACKLOG;
}

static bool is_mptcp(const struct check *c, size_t i)
{
	return c->listeners[i].mptcp;
}

void check_backlog(struct check *c)
{
	int most = check_sysctl("core/somaxconn", SMALL_BACKLOG);
	char ports[CHECK_PORTS_LEN];

	check_add(c, "somaxconn", most < SMALL_BACKLOG ? CHECK_WARN : CHECK_OK,
		  "bursts of good clients are delayed by a second: sysctl -w "
		  "net.core.somaxconn=4096, and restart the servers",
		  "at most %d clients can wait for accept()", most);
	check_ports(c, is_small, ports);
	check_add(c, "accept queues", *ports ? CHECK_WARN : CHECK_OK,
		  "bursts of good clients are delayed by a second: raise the "
		  "server's backlog",
		  *ports ? "fewer than %d clients can wait on port %s"
			 : "room for %d clients or more%s",
		  SMALL_BACKLOG, ports);
}

void check_mptcp(struct check *c)
{
	char ports[CHECK_PORTS_LEN];

	check_ports(c, is_mptcp, ports);
	check_add(c, "MPTCP", *ports ? CHECK_WARN : CHECK_OK,
		  "services there use the kernel's cookies, which keep fewer "
		  "TCP options: set net.ipv4.tcp_timestamps=2 to keep all, or "
		  "make the server listen with plain TCP (Go: "
		  "GODEBUG=multipathtcp=0)",
		  *ports ? "MPTCP listener on port %s" : "no listener%s",
		  ports);
}

/* ---- other receivers of connections ---- */

bool check_is_service(const struct check *c, unsigned int port)
{
	const char *why;
	json_t *service;
	size_t i;

	json_array_foreach (c->services, i, service) {
		const char *listen =
			json_string_value(json_object_get(service, "listen"));
		struct listen l;

		if (listen && !listen_parse(listen, &l, &why) &&
		    be16toh(l.port) == port)
			return true;
	}
	return false;
}

/* Services that should be armed and are not, because of their listener. */
void check_services(struct check *c)
{
	json_t *service;
	size_t i, bad = 0;

	json_array_foreach (c->services, i, service) {
		const char *listen =
			json_string_value(json_object_get(service, "listen"));
		const char *policy =
			json_string_value(json_object_get(service, "policy"));
		const char *why =
			json_string_value(json_object_get(service, "why"));

		if (!listen || !policy || strcmp(policy, "on") != 0 || !why ||
		    json_is_true(json_object_get(service, "armed")))
			continue;
		bad++;
		check_add(
			c, "service", CHECK_WARN,
			"its SYNs pass to the kernel; to protect a server in a "
			"container, run synkeeperd in its network namespace",
			"%s: %s", listen, why);
	}
	if (c->services && !bad)
		check_add(c, "services", CHECK_OK, NULL,
			  "%zu, all as their policies require",
			  json_array_size(c->services));
}

/* Lines such as "TCP  C0000202:0050 rr", one per virtual service. */
void check_ipvs(struct check *c)
{
	FILE *f = fopen("/proc/net/ip_vs", "re");
	char line[128], ports[CHECK_PORTS_LEN] = "";
	unsigned int port;
	size_t n = 0;

	if (!f)
		return;
	while (fgets(line, sizeof(line), f) && n < CHECK_PORTS_LEN - 16) {
		const char *colon = strrchr(line, ':');

		if (!strncmp(line, "TCP ", 4) && colon &&
		    sscanf(colon, ":%x", &port) == 1)
			n += snprintf(ports + n, CHECK_PORTS_LEN - n, "%s%u",
				      n ? ", " : "", port);
	}
	fclose(f);
	check_add(c, "IPVS", n ? CHECK_WARN : CHECK_OK,
		  "its connections do not end on this host: run synkeeperd on "
		  "the real servers, and configure no service for these ports "
		  "here",
		  n ? "balances TCP port %s" : "balances no TCP%s", ports);
}
