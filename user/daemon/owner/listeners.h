/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the listeners of this network namespace, as last read
 * from their owner, sorted by port. The listener for an address is chosen as
 * the kernel does it: those bound to the address before those on the wildcard.
 * Several on one address are a SO_REUSEPORT group, of which the kernel picks
 * any for a client, so the offered options must suit each: the group is treated
 * as one listener that is MPTCP if any member is, signs if any does, has the
 * smallest receive buffer and MSS and the largest TTL, and defers only if all
 * do. Sockets bound to an interface are ignored.
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
 * Rereads them. Sets *@ret_changed if they differ, otherwise leaves it alone.
 * Returns 0 or -errno, logged: then the previous list stays.
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

/* Makes of @group what suits @one as well. */
void listeners_join(struct listener_settings *group,
		    const struct listener_settings *one);

/* Is it bound to a specific address, and to no interface? */
bool listener_is_exact(const struct owner_socket *sk);

/*
 * The group that accepts a family's connections on the wildcard address.
 * Returns whether there is one.
 */
bool listeners_wildcard(const struct listeners *l, __be16 port, bool v4,
			struct owner_socket *ret);
/* The one that accepts those to @addr (v4-mapped). */
bool listeners_exact(const struct listeners *l, const __be32 addr[4],
		     __be16 port, struct owner_socket *ret);

#endif
