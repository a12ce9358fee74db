/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: who listens in this network namespace, as its owner last
 * told, sorted by port. Which listener takes the connections to an address is
 * decided as the kernel does it: those bound to the address before those on the
 * wildcard. Several of one address are a SO_REUSEPORT group, and the kernel
 * picks any of them for a client, so what is offered must suit each: the group
 * stands for one listener that is MPTCP if any member is, signs if any does,
 * and has the smallest receive buffer. Sockets bound to an interface are not
 * asked for.
 */
#ifndef LISTENERS_H
#define LISTENERS_H

#include "text/addr.h"
#include "owner.h"

struct listeners {
	struct owner_socket *sockets;
	size_t n;
};

/*
 * Reads them anew. *@ret_changed is set if they differ, and else left alone.
 * Returns 0 or -errno, logged: then what was read before stands.
 */
int listeners_read(struct listeners *l, struct owner *owner, bool *ret_changed);
void listeners_free(struct listeners *l);

/* The first one at @port, or NULL. */
const struct owner_socket *listeners_first(const struct listeners *l,
					   __be16 port);

#define for_each_listener(sk, list, at_port)               \
	for ((sk) = listeners_first(list, at_port);        \
	     (sk) && (sk) < (list)->sockets + (list)->n && \
	     (sk)->tuple.server_port == (at_port);         \
	     (sk)++)

/* Is it bound to an address of its own, and to no interface? */
bool listener_is_exact(const struct owner_socket *sk);

/*
 * The group that takes the connections of a family to the wildcard address.
 * Returns whether there is one.
 */
bool listeners_wildcard(const struct listeners *l, __be16 port, bool v4,
			struct owner_socket *ret);
/* The one that takes those to @addr (v4-mapped). */
bool listeners_exact(const struct listeners *l, const __be32 addr[4],
		     __be16 port, struct owner_socket *ret);

#endif
