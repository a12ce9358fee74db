/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: who listens in this network namespace, as sock_diag last
 * told, sorted by port. Which listener takes the connections to an address is
 * decided as the kernel does it: the one bound to the address before the one
 * on the wildcard. Sockets bound to an interface are not asked for.
 */
#ifndef LISTENERS_H
#define LISTENERS_H

#include "addr.h"
#include "sockdiag.h"

struct listeners {
	struct diag_socket *sockets;
	size_t n;
};

/*
 * Reads them anew. *@ret_changed is set if they differ, and else left alone.
 * Returns 0 or -errno, logged: then what was read before stands.
 */
int listeners_read(struct listeners *l, struct sockdiag *diag,
		   bool *ret_changed);
void listeners_free(struct listeners *l);

/* The first one at @port, or NULL. */
const struct diag_socket *listeners_first(const struct listeners *l,
					  __be16 port);

#define for_each_listener(sk, list, at_port)               \
	for ((sk) = listeners_first(list, at_port);        \
	     (sk) && (sk) < (list)->sockets + (list)->n && \
	     (sk)->tuple.server_port == (at_port);         \
	     (sk)++)

/* Is it bound to an address of its own, and to no interface? */
bool listener_is_exact(const struct diag_socket *sk);

/* Who takes the connections of a family to the wildcard address, or NULL. */
const struct diag_socket *listeners_wildcard(const struct listeners *l,
					     __be16 port, bool v4);
/* Who takes those to @at, or NULL. */
const struct diag_socket *listeners_exact(const struct listeners *l,
					  const struct listen *at);

/* Tells the listeners of @port from others that were or will be; 0: none. */
__u64 listeners_print(const struct listeners *l, __be16 port);

#endif
