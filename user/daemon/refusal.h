/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: what a service learns about its listeners from what the
 * kernel does to admitted clients. It may refuse the socket that
 * bpf_sk_assign_tcp_reqsk() is to make (an MPTCP listener that nobody has seen
 * yet); or it takes one, forgets it, and resets the client as a stray: NAT does
 * that wherever it is in use. Both are over with the kernel's own cookies, for
 * which nothing is assigned. If those are forgotten too, the connections end
 * elsewhere, and SYNs had better pass. A full accept queue looks the same to a
 * single client, and so do data that overtake their ACK; but then the kernel
 * counts an overflow, or others get through. And it must not be for strangers
 * to disarm: where anybody ever got through, SYNs do not pass. What was learnt
 * holds for the listeners that it was learnt of (their print, see listeners.h).
 * Pure.
 */
#ifndef REFUSAL_H
#define REFUSAL_H

#include <stdbool.h>

#include "synkeeper/types.h"

enum { REFUSAL_CLIENTS = 3 }; /* so many are forgotten before it is believed */

enum refusal_of {
	REFUSAL_NONE,
	REFUSAL_SOCKET,	   /* refused */
	REFUSAL_FORGOTTEN, /* its sockets are */
	REFUSAL_ELSEWHERE, /* the kernel's cookies are, too */
};

struct refusal {
	enum refusal_of what;
	__u64 print; /* of the listeners that it is true of */
	/* the client that was forgotten last */
	__u64 asked_ns; /* for signs of other causes, */
	__u64 innocent; /* ... of which there were so many */
	__be16 port;
	bool kernel;
	bool in_a_row;	      /* no other cause since the one before, or ever */
	unsigned int clients; /* of that kind, one after the other */
};

/* A client was forgotten. */
struct forgotten {
	__u64 when_ns;
	__be16 port;	 /* the client's, network byte order */
	bool kernel;	 /* the cookie was the kernel's, not our own */
	__u64 asked_ns;	 /* what follows was counted then: */
	__u64 overflows; /* ... of accept queues */
	__u64 through;	 /* ... clients of the service who got through */
};

/* What is known of the listeners with @print. */
enum refusal_of refusal_of(const struct refusal *r, __u64 print);

/* A socket for those of @print was refused. Returns whether that is news. */
bool refusal_socket(struct refusal *r, __u64 print);

/*
 * Those of @print forgot a client. Any new overflow, and anybody new who got
 * through, ends a row of forgotten ones. One who was forgotten before that was
 * last counted tells nothing if it had grown by then, for that may have been his
 * own overflow. Returns whether what is known has changed.
 */
bool refusal_forgotten(struct refusal *r, __u64 print,
		       const struct forgotten *f);

#endif
