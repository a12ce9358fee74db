/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the result of owner_find(), see owner.bpf.h, in terms
 * that any owner can provide: what it has for a tuple, and which sequence
 * numbers it would accept. All numbers are in host byte order.
 */
#ifndef SYNKEEPER_OWNED_BPF_H
#define SYNKEEPER_OWNED_BPF_H

#include "synkeeper/types.h"

enum owner_has {
	OWNER_NOTHING,
	OWNER_LISTENER,	 /* accepts handshakes */
	OWNER_REQUEST,	 /* half-open: a handshake of the owner's own */
	OWNER_TIME_WAIT, /* closed; no sequence numbers available */
	OWNER_CONNECTION,
};

struct owned {
	__u8 has;	  /* enum owner_has */
	bool made_cookie; /* a listener: it made the cookie of this ACK */
	__u32 inputs;	  /* for the session, 1 << enum session_input */
	/* the rest only for a connection, else 0 */
	__u32 client_next; /* received without a gap up to here */
	__u32 server_next; /* sent up to here, or queued for sending */
	__u32 seq_min;	   /* a segment that ends before this is old */
	__u32 seq_max;	   /* ... that starts after this is out of window */
	__u32 ack_min;	   /* an acknowledgement below this is too old */
};

/* Does it have the tuple already, even if half-open or closed? */
static __always_inline bool owner_is_taken(enum owner_has has)
{
	return has != OWNER_NOTHING && has != OWNER_LISTENER;
}

static __always_inline bool seq_after(__u32 a, __u32 b)
{
	return (__s32)(a - b) > 0;
}

/*
 * Would a connection accept a segment from @seq to @end? RFC 9293 section
 * 3.10.7.4, anywhere in the window: earlier segments of the same driver batch
 * have not reached the owner yet.
 */
static __always_inline bool owner_takes(const struct owned *o, __u32 seq,
					__u32 end)
{
	return !seq_after(o->seq_min, end) && !seq_after(seq, o->seq_max);
}

/* Would it accept acknowledgement @ack? RFC 5961 section 5.2. */
static __always_inline bool owner_takes_ack(const struct owned *o, __u32 ack)
{
	return !seq_after(o->ack_min, ack) && !seq_after(ack, o->server_next);
}

#endif
