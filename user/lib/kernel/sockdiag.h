/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: asks the kernel for its TCP sockets, and to destroy
 * one, through NETLINK_SOCK_DIAG (sock_diag(7)). One netlink socket for the
 * daemon's life, opened before it drops privileges; requests are answered at
 * once, so nothing waits. Destroying needs CAP_NET_ADMIN and
 * CONFIG_INET_DIAG_DESTROY.
 */
#ifndef SOCKDIAG_H
#define SOCKDIAG_H

#include "synkeeper/types.h"

struct sockdiag; /* opaque */

/* One socket. For a listener only the server side and what follows it count. */
struct diag_socket {
	struct tuple tuple;
	__u8 state; /* TCP_ESTABLISHED ... of <netinet/tcp.h> */
	bool v6only;
	bool v6; /* an AF_INET6 socket; bound to :: it may take IPv4, too */
	bool mptcp;
	bool md5;      /* it has keys to sign with (RFC 2385) */
	__u32 ifindex; /* SO_BINDTODEVICE, 0: any */
	__u32 rcvbuf;  /* bytes */
	__u32 waiting; /* of a listener: so many wait for accept(), */
	__u32 backlog; /* ... of so many at most */
	__u64 cookie;  /* the kernel's name for this socket, never used again */
};

typedef void (*diag_fn)(const struct diag_socket *s, void *data);

int sockdiag_open(struct sockdiag **ret);
void sockdiag_close(struct sockdiag *d);

/*
 * Calls @fn for each TCP socket of both families in one of @states (a mask of
 * 1 << TCP_xxx). Returns 0 or -errno.
 */
int sockdiag_dump(struct sockdiag *d, __u32 states, diag_fn fn, void *data);

/*
 * The same of one family, in parts: after begin, each step calls @fn for some
 * and returns 1 if there are more, 0 at the end, or -errno. Nothing else may be
 * asked of @d meanwhile.
 */
int sockdiag_dump_begin(struct sockdiag *d, __u8 family, __u32 states);
int sockdiag_dump_step(struct sockdiag *d, diag_fn fn, void *data);

/*
 * The state of exactly this connection (a half-open request is TCP_SYN_RECV),
 * or -ENOENT; a listener that would take it does not count.
 */
int sockdiag_state(struct sockdiag *d, const struct tuple *t);

/* What that returned, as ss(8) writes it: "ESTAB"; "none", "unknown" */
const char *sockdiag_state_name(int state);

/*
 * Resets exactly this connection, or removes its request or TIME-WAIT. -ENOENT:
 * there is none, or another one has taken its place meanwhile; -errno.
 */
int sockdiag_destroy(struct sockdiag *d, const struct tuple *t);

/*
 * The same of what would keep a new connection from this place: a request, a
 * TIME-WAIT, or the little that is kept of a FIN-WAIT-2 whose process is gone.
 * A connection is left alone: -ENOENT.
 */
int sockdiag_clear(struct sockdiag *d, const struct tuple *t);

#endif
