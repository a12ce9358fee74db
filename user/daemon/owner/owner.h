/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the owner of connections, who has the last word on them.
 * A session in the table is what was seen of a packet's connection; whether
 * there is one, and in which state, only its owner knows. All of the daemon
 * that wants to know, or to end one, asks here, and never how the owner keeps
 * them.
 *
 * Asking does not wait: an answer comes at once, or is an error, and an error
 * is no answer. Whoever has nothing for a tuple says -ENOENT.
 *
 * socket.c: sockets of this network namespace.
 */
#ifndef OWNER_H
#define OWNER_H

#include "synkeeper/types.h"

struct owner; /* opaque */

/* A connection or a listener; of a listener only the server's side counts. */
struct owner_socket {
	struct tuple tuple;
	__u8 state; /* TCP_ESTABLISHED ... of <netinet/tcp.h> */
	bool v6;    /* of IPv6; bound to :: it may take IPv4, too */
	/* of a listener */
	bool v6only;
	bool mptcp;
	bool md5;      /* it has keys to sign with (RFC 2385) */
	__u32 ifindex; /* it takes what comes by this interface; 0: any */
	__u32 rcvbuf;  /* bytes */
	__u32 waiting; /* so many wait to be accepted, */
	__u32 backlog; /* ... of so many at most */
	__u64 cookie;  /* a name for it that is never used again */
};

typedef void (*owner_fn)(const struct owner_socket *s, void *data);

/*
 * Before privileges are dropped. Returns 0 or -errno, logged. *@ret is for
 * owner_close(), which takes NULL, too.
 */
int owner_open(struct owner **ret);
void owner_close(struct owner *o);

/*
 * The state (TCP_xxx) of exactly this connection, a half-open one being
 * TCP_SYN_RECV; -ENOENT: nobody has it; or -errno. A listener that would take
 * it does not count.
 */
int owner_state(struct owner *o, const struct tuple *t);
/* What that returned, as ss(8) writes it: "ESTAB"; "none", "unknown" */
const char *owner_state_name(int state);

/*
 * Ends exactly this connection, its client being reset; removes one that is
 * half open or in TIME-WAIT. -ENOENT: there is none, or another one has taken
 * its place meanwhile; -errno.
 */
int owner_end(struct owner *o, const struct tuple *t);

/*
 * Removes what would keep a new connection from this place: a half-open one, a
 * TIME-WAIT, or the little that is kept of a FIN-WAIT-2 whose process is gone.
 * A connection is left alone: -ENOENT.
 */
int owner_clear(struct owner *o, const struct tuple *t);

/*
 * Each calls @fn for all there are, of both families, before it returns 0 or
 * -errno; @fn asks nothing of @o meanwhile.
 */
int owner_each_listener(struct owner *o, owner_fn fn, void *data);
int owner_each_half_open(struct owner *o, owner_fn fn, void *data);
/* Both; cheaper, but of listeners only what they wait for is told. */
int owner_each_queue(struct owner *o, owner_fn fn, void *data);

/*
 * All connections, in whatever state, in slices: after begin, each step calls
 * @fn for some and returns 1 if there are more, 0 at the end, or -errno, which
 * ends the walk. There is one walk at a time; between steps all else may be
 * asked.
 */
int owner_walk_begin(struct owner *o);
int owner_walk_step(struct owner *o, owner_fn fn, void *data);

#endif
