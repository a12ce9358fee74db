/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: what the programs remember of a spliced connection. The
 * client's side was opened with a cookie, the server's with a SYN that was made
 * of the client's ACK, so that the two have chosen different initial sequence
 * numbers for the server; from then on the packets of both ways are translated.
 *
 *   splices	tuple		struct splice; ends when the daemon deletes it,
 *				later than the session: a FIN may be repeated
 *   holds	[index]		the client's first data, until the server's side
 *				is open. Not pinned: the client sends them again
 *   servers	endpoint_key	what each server offered in its own SYN-ACKs,
 *				which is what ours offer for it
 *
 * Translation only adds constants: the client's sequence numbers are the same
 * on both sides, the server's differ by cookie - server_isn, its timestamps by
 * ts_offset. Members of both kinds say whose numbers they are.
 *
 * A hold has no owner but who swapped its claim in: a claim older than
 * HOLD_TICKS counts as free, so none can leak. Data are appended by XDP and
 * taken by tc, maybe on different CPUs: XDP looks at the state after appending,
 * tc changes it before taking. So at least one of them sends what was appended
 * in between; if both do, the server ignores what comes twice.
 */
#ifndef SYNKEEPER_SPLICE_H
#define SYNKEEPER_SPLICE_H

#include "limits.h"
#include "types.h"

enum {
	HOLD_BYTES = 11680, /* the most that a hold keeps: 8 * 1460 */
	HOLD_CHUNK = 2048,  /* copied at a time */
	HOLD_TRIES = 4,	    /* holds that are tried for a tuple */
	HOLD_TICKS = 596,   /* 10 s, see TICK_SHIFT */
};

/* Packed into one byte rather than a __u8, so that bpftool shows the name. */
enum __attribute__((packed)) splice_state {
	SPLICE_OPENING, /* the server has not answered the SYN */
	SPLICE_OPEN,
	SPLICE_PLAIN, /* the server took the client's own SYN: no translation */
	SPLICE_REFUSED, /* by the server's RST, or unreachable */
};

enum splice_flags {
	SPLICE_KILL = 1 << 0, /* by the daemon: reset both ends, see abi.h */
	SPLICE_TS = 1 << 1,   /* client and server have agreed on it */
	SPLICE_OFFERED_TS = 1 << 2, /* we and the client have */
	SPLICE_OFFERED_SACK = 1 << 3,
	SPLICE_ENDING = 1 << 4, /* a FIN or RST was seen */
};

/* Host byte order. "ours": as the client knows it, "server's": the server. */
struct splice {
	__u32 client_isn;
	__u32 cookie;	    /* the server's ISN as the client knows it */
	__u32 server_isn;   /* its own; 0 until open */
	__u32 ts_offset;    /* server's TSval + this is what the client sees */
	__u32 client_tsval; /* of the first ACK: in each SYN that is made */
	__u32 tsecr;	    /* what it echoed: our SYN-ACK's TSval */
	__u32 client_acked; /* the highest that the client acked; ours */
	__u32 server_acked; /* the highest that the server acked */
	__u32 server_next;  /* the end of what the server has sent; ours */
	__u32 seen;	    /* ticks; last packet that was translated */
	__u32 barrier;	    /* see splice_set_state() */
	__u16 service;
	__u16 hold;	     /* index of its hold + 1; 0: none */
	__u16 client_window; /* of the first ACK, not scaled */
	__u16 mss;	     /* the client's */
	__u16 server_mss;
	enum splice_state state;
	__u8 flags;	    /* enum splice_flags */
	__u8 client_wscale; /* WSCALE_NONE: not offered */
	__u8 our_wscale;    /* offered to the client, or WSCALE_NONE */
	__u8 server_wscale; /* offered by the server, or WSCALE_NONE */
	__u8 tos; /* or traffic class, of the first ACK, without ECN */
};
_Static_assert(sizeof(struct splice) == 60, "abi");

/*
 * The claim is the tick of the claim in the high half, the tuple's hash in the
 * low one; 0: free. The bytes behind HOLD_BYTES are for copies of HOLD_CHUNK
 * that the verifier can bound.
 */
struct hold {
	__u64 claim;
	__u32 len;
	__u32 fin; /* the client's FIN follows them */
	__u8 data[HOLD_BYTES + HOLD_CHUNK];
};
_Static_assert(sizeof(struct hold) == 13744, "abi");

static __always_inline __u64 hold_claim(__u32 now, __u32 hash)
{
	return (__u64)now << 32 | hash;
}

/* May a hold with this @claim be claimed? */
static __always_inline bool hold_is_free(__u64 claim, __u32 now)
{
	return !claim || now - (__u32)(claim >> 32) > HOLD_TICKS;
}

/*
 * @n itself, from 1 to HOLD_CHUNK: the verifier of Linux 6.1 sees no lower
 * bound in a comparison with zero.
 */
static __always_inline __u32 hold_chunk(__u32 n)
{
	return ((n - 1) & (HOLD_CHUNK - 1)) + 1;
}

enum offer_flags {
	OFFER_SACK = 1 << 0,
	OFFER_TS = 1 << 1,
};

/* Key: struct endpoint_key. */
struct server_offer {
	__u16 mss;
	__u8 wscale; /* WSCALE_NONE: none */
	__u8 flags;  /* enum offer_flags */
};
_Static_assert(sizeof(struct server_offer) == 4, "abi");

#endif
