/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the owner's answer to owner_find(), see owner.bpf.h, in
 * terms that any owner can give: what it has for a tuple, and which sequence
 * numbers it would take. All numbers are in host byte order.
 */
#ifndef SYNKEEPER_OWNED_BPF_H
#define SYNKEEPER_OWNED_BPF_H

#include "synkeeper/types.h"

enum owner_has {
	OWNER_NOTHING,
	OWNER_LISTENER,	 /* takes handshakes */
	OWNER_REQUEST,	 /* half-open: a handshake that it began itself */
	OWNER_TIME_WAIT, /* closed; little of it is kept */
	OWNER_CONNECTION,
};

struct owned {
	__u8 has;	  /* enum owner_has */
	bool made_cookie; /* a listener: it made the cookie of this ACK */
	__u32 inputs;	  /* what follows for a session, 1 << session_input */
	/* of a connection, else 0 */
	__u32 client_next; /* the client has sent all before, without a gap */
	__u32 server_next; /* the owner has sent all before, or is about to */
	__u32 seq_min;	   /* a segment that ends before is an old one */
	__u32 seq_max;	   /* ... that begins behind is ahead of the window */
	__u32 ack_min;	   /* an acknowledgement below is too old */
};

/* Does it know the tuple already, be it half-open or closed? */
static __always_inline bool owner_is_taken(enum owner_has has)
{
	return has != OWNER_NOTHING && has != OWNER_LISTENER;
}

static __always_inline bool seq_after(__u32 a, __u32 b)
{
	return (__s32)(a - b) > 0;
}

/*
 * Would a connection take a segment from @seq to @end? RFC 9293 section
 * 3.10.7.4, over all of the window, since segments in front of it in the same
 * driver batch have not reached the owner yet.
 */
static __always_inline bool owner_takes(const struct owned *o, __u32 seq,
					__u32 end)
{
	return !seq_after(o->seq_min, end) && !seq_after(seq, o->seq_max);
}

/* Would it take acknowledgement @ack? RFC 5961 section 5.2. */
static __always_inline bool owner_takes_ack(const struct owned *o, __u32 ack)
{
	return !seq_after(o->ack_min, ack) && !seq_after(ack, o->server_next);
}

#endif
