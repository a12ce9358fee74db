/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: a SYN-ACK from XDP has the listener's MSS, TTL and TOS,
 * but the listener never sees the SYN. What that costs it is said here, for
 * each setting that depends on the SYN, with the way out.
 */
#include <bpf/libbpf.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "kernel/listener_iter.h"

static void keep_settings(const struct listener_record *r, void *data)
{
	struct check *c = data;
	size_t i;

	for (i = 0; i < c->n_listeners; i++)
		if (c->listeners[i].cookie == r->cookie)
			c->settings[i] = r->settings;
}

void check_find_settings(struct check *c)
{
	struct listener_iter *it;

	libbpf_set_print(NULL);
	c->settings_err = listener_iter_open(&it);
	if (c->settings_err)
		return;
	c->settings = calloc(c->n_listeners + 1, sizeof(*c->settings));
	/* those on loopback are not in the list: all there are */
	c->settings_err =
		c->settings ? listener_iter_read(it, UINT_MAX, keep_settings, c)
			    : -ENOMEM;
	listener_iter_close(it);
}

static bool has_fast_open(const struct check *c, size_t i)
{
	return c->settings[i].fast_open;
}

static bool has_save_syn(const struct check *c, size_t i)
{
	return c->settings[i].save_syn;
}

static bool has_filter(const struct check *c, size_t i)
{
	return c->settings[i].filter;
}

static bool has_min_ttl(const struct check *c, size_t i)
{
	return c->settings[i].min_ttl || c->settings[i].min_hop_limit;
}

static bool has_defer(const struct check *c, size_t i)
{
	return c->settings[i].defer;
}

static const struct {
	const char *what, *fix;
	bool (*has)(const struct check *c, size_t i);
} losses[] = {
	{ "TCP Fast Open",
	  "while its service is armed, clients send the data of their SYN "
	  "again after the handshake, a round trip later, in a flood of such "
	  "SYNs, and always where cookies are the kernel's: policy = auto "
	  "keeps Fast Open while there is no flood",
	  has_fast_open },
	{ "TCP_SAVE_SYN",
	  "while its service is armed, the server reads no SYN (TCP_SAVED_SYN "
	  "is "
	  "empty): policy = auto keeps it while there is no flood",
	  has_save_syn },
	{ "socket filter",
	  "it does not see SYNs while its service is armed: a client that it "
	  "refuses connects, and hangs: list those networks as deny in "
	  "[sources], or use policy = auto",
	  has_filter },
	{ "minimum TTL",
	  "IP_MINTTL, IPV6_MINHOPCOUNT: SYNs from farther away are answered, "
	  "but get no connection: allow only the peers' networks, and deny the "
	  "rest, in [sources], or use policy = auto",
	  has_min_ttl },
	{ "deferred accept",
	  "a client that sends nothing for the lifetime of two keys has to "
	  "connect again, while the kernel would hand it to the server: raise "
	  "lifetime in [keys], or turn TCP_DEFER_ACCEPT off (nginx: deferred)",
	  has_defer },
};

void check_listeners(struct check *c)
{
	char ports[CHECK_PORTS_LEN];
	bool any = false;
	size_t i;

	if (c->settings_err) {
		check_add(c, "listener settings", CHECK_WARN,
			  "SYN-ACKs have the host's TTL, TOS and MSS, whatever "
			  "the server asked for: run as root, on a kernel with "
			  "BPF iterators (Linux 5.9)",
			  "cannot be read: %s", strerror(-c->settings_err));
		return;
	}
	for (i = 0; i < sizeof(losses) / sizeof(losses[0]); i++) {
		if (!*check_ports(c, losses[i].has, ports))
			continue;
		any = true;
		check_add(c, losses[i].what, CHECK_WARN, losses[i].fix,
			  "listener on port %s", ports);
	}
	if (!any)
		check_add(c, "listener settings", CHECK_OK, NULL,
			  "all can be kept");
}
