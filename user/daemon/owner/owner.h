/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the owner of connections, which is authoritative for
 * them. A session in the table records what was seen of a connection's packets;
 * whether the connection exists, and in which state, only its owner knows. All
 * parts of the daemon that query or end a connection ask here, and do not
 * depend on how the owner stores it.
 *
 * Queries do not block: they return an answer or an error at once, and an error
 * is no answer. An owner without anything for a tuple returns -ENOENT.
 *
 * socket.c: sockets of this network namespace; learn.c: what their listeners
 * were told; splices.c: connections with servers behind this host.
 */
#ifndef OWNER_H
#define OWNER_H

#include "synkeeper/listener.h"

struct owner; /* opaque */
struct splices;

/* A connection or a listener; of a listener only the server's side counts. */
struct owner_socket {
	struct tuple tuple;
	__u8 state; /* TCP_ESTABLISHED ... of <netinet/tcp.h> */
	bool v6;    /* IPv6; bound to :: it may accept IPv4, too */
	/* of a listener */
	bool v6only;
	bool mptcp;
	bool md5;      /* has TCP MD5 or AO keys (RFC 2385, 5925) */
	__u32 ifindex; /* bound to this interface; 0: any */
	__u32 rcvbuf;  /* bytes */
	__u32 waiting; /* connections waiting to be accepted, */
	__u32 backlog; /* ... and their limit */
	__u64 cookie;  /* a unique id, never reused */
	/* from owner_each_listener() only; all 0 if they cannot be read */
	struct listener_settings settings;
};

typedef void (*owner_fn)(const struct owner_socket *s, void *data);

/*
 * @splices: those of the programs. Call before dropping privileges. Returns 0
 * or -errno, logged. Release *@ret with owner_close(), which accepts NULL.
 */
int owner_open(const struct splices *splices, struct owner **ret);
void owner_close(struct owner *o);

/*
 * Which connections have no socket here, as their server is behind this host,
 * even if they are not spliced. None before this is called.
 */
typedef bool (*owner_behind_fn)(const struct tuple *t, void *data);
void owner_set_behind(struct owner *o, owner_behind_fn fn, void *data);

/*
 * The state (TCP_xxx) of exactly this connection, TCP_SYN_RECV if half-open;
 * -ENOENT: there is none; -EOPNOTSUPP: only its packets can tell; or -errno. A
 * listener that would accept it does not count.
 */
int owner_state(struct owner *o, const struct tuple *t);
/* Its return value as ss(8) prints it: "ESTAB"; "none", "unknown" */
const char *owner_state_name(int state);

/*
 * Ends exactly this connection and resets its client; removes a half-open one
 * or a TIME-WAIT. -ENOENT: there is none, or another one has taken its place;
 * -EOPNOTSUPP: its numbers are not known; or -errno.
 */
int owner_end(struct owner *o, const struct tuple *t);

/*
 * Removes what would block a new connection with this tuple: a half-open one, a
 * TIME-WAIT, or an orphaned FIN-WAIT-2. A live connection is left alone:
 * -ENOENT.
 */
int owner_clear(struct owner *o, const struct tuple *t);

/* Can the settings of listeners be read? */
bool owner_learns(const struct owner *o);

/*
 * Each calls @fn for all, of both families, before it returns 0 or
 * -errno; @fn must not query @o.
 */
int owner_each_listener(struct owner *o, owner_fn fn, void *data);
int owner_each_half_open(struct owner *o, owner_fn fn, void *data);
/* Likewise, but cheaper: of listeners only the queues are filled in. */
int owner_each_queue(struct owner *o, owner_fn fn, void *data);

/*
 * Walks all connections, whatever their state, in slices: after begin, each
 * step calls @fn for some and returns 1 if there are more, 0 at the end, or
 * -errno, which ends the walk. One walk at a time; other queries are allowed
 * between steps.
 */
int owner_walk_begin(struct owner *o);
int owner_walk_step(struct owner *o, owner_fn fn, void *data);

#endif
