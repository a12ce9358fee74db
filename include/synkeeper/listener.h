/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: what a listener was told with setsockopt() and sock_diag
 * keeps to itself, as the iterator of bpf/listeners.bpf.c hands it to
 * user/lib/kernel/listener_iter.c. Numbers are in host byte order; 0 means the
 * host's default, except for IPV6_UNICAST_HOPS = 0, which nobody can want.
 */
#ifndef SYNKEEPER_LISTENER_H
#define SYNKEEPER_LISTENER_H

#include "types.h"

struct listener_settings {
	__u16 mss;	    /* TCP_MAXSEG */
	__u8 ttl;	    /* IP_TTL, */
	__u8 hop_limit;	    /* ... IPV6_UNICAST_HOPS */
	__u8 tos;	    /* IP_TOS, */
	__u8 tclass;	    /* ... IPV6_TCLASS */
	__u8 min_ttl;	    /* IP_MINTTL, */
	__u8 min_hop_limit; /* ... IPV6_MINHOPCOUNT */
	__u8 defer;	    /* TCP_DEFER_ACCEPT, in retransmissions */
	__u8 save_syn;	    /* TCP_SAVE_SYN */
	__u8 filter;	    /* SO_ATTACH_FILTER, SO_ATTACH_BPF */
	__u8 fast_open;	    /* TCP_FASTOPEN */
	__u8 signs;	    /* TCP_AO_ADD_KEY */
	__u8 rcvbuf_locked; /* SO_RCVBUF */
	__u8 needs_ecn;	    /* TCP_CONGESTION, such as DCTCP */
	__u8 pad;
	__u32 window_clamp; /* TCP_WINDOW_CLAMP, bytes */
};

struct listener_record {
	__u64 cookie; /* the socket's, as sock_diag has it */
	struct listener_settings settings;
};
_Static_assert(sizeof(struct listener_record) == 32, "read by both sides");

/* A walk, in parts of so many; the iterator fills in @n, @more and @at. */
enum { LISTENERS_AT_ONCE = 256 };

struct listener_batch {
	__u32 left; /* listeners still to come: then the walk ends */
	__u32 n;
	__u32 more; /* @at was full */
	__u32 pad;
	struct listener_record at[LISTENERS_AT_ONCE];
};

#endif
