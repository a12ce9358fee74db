/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: lists the kernel's TCP sockets, and destroys them,
 * through NETLINK_SOCK_DIAG (sock_diag(7)). One netlink socket serves for the
 * daemon's life, opened before it drops privileges; the kernel replies at once,
 * so nothing waits. Destroying needs CAP_NET_ADMIN and
 * CONFIG_INET_DIAG_DESTROY.
 */
#ifndef SOCKDIAG_H
#define SOCKDIAG_H

#include "synkeeper/types.h"

struct sockdiag; /* opaque */

/* A socket. A listener has no client. */
struct diag_socket {
	struct tuple tuple;
	__u8 state; /* TCP_ESTABLISHED ... of <netinet/tcp.h> */
	bool v6only;
	bool v6; /* an AF_INET6 socket; bound to :: it may take IPv4, too */
	bool mptcp;
	bool md5;      /* has TCP MD5 keys (RFC 2385) */
	__u32 ifindex; /* SO_BINDTODEVICE, 0: any */
	__u32 rcvbuf;  /* bytes */
	__u32 waiting; /* of a listener: connections to accept, */
	__u32 backlog; /* ... and their maximum */
	__u64 cookie;  /* the kernel's id of this socket, never reused */
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
 * The same for one family, in parts: after begin, each step calls @fn for some
 * and returns 1 if there are more, 0 at the end, or -errno. @d cannot be used
 * for anything else meanwhile.
 */
int sockdiag_dump_begin(struct sockdiag *d, __u8 family, __u32 states);
int sockdiag_dump_step(struct sockdiag *d, diag_fn fn, void *data);

/*
 * The state of exactly this connection (a half-open request is TCP_SYN_RECV),
 * or -ENOENT. A matching listener does not count.
 */
int sockdiag_state(struct sockdiag *d, const struct tuple *t);

/* The result as ss(8) writes it: "ESTAB"; "none", "unknown". */
const char *sockdiag_state_name(int state);

/*
 * Resets exactly this connection, or removes its request or TIME-WAIT. -ENOENT:
 * there is none, or it was replaced meanwhile; -errno.
 */
int sockdiag_destroy(struct sockdiag *d, const struct tuple *t);

/*
 * The same for what would block a new connection with these addresses and
 * ports: a request, a TIME-WAIT, or the timewait socket of an orphaned
 * FIN-WAIT-2. Any other socket is left alone: -ENOENT.
 */
int sockdiag_clear(struct sockdiag *d, const struct tuple *t);

#endif
