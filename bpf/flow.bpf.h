/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: what is known about the packet so far: classify adds the
 * endpoint, dispatch the session, the owner its answer. A member is zero until
 * the step that fills it in has run. Steps that need only the wire contents
 * take the struct packet inside.
 *
 * It lives on the stack, and a whole call chain has 512 bytes of that: only
 * what one step hands to another belongs here.
 */
#ifndef SYNKEEPER_FLOW_BPF_H
#define SYNKEEPER_FLOW_BPF_H

#include "owned.bpf.h"
#include "packet.bpf.h"

struct flow {
	struct packet pkt;
	__u8 known;	  /* it has an entry in the session table */
	__u8 pending;	  /* ... whose cookie was valid; no socket yet */
	__u8 handed;	  /* ... and which the kernel took */
	__u8 recent;	  /* ... opened within RECENT_TICKS */
	__u32 set;	  /* in the session table */
	int slot;	  /* of the session in the table; -1: none */
	__u32 client_isn; /* of a pending session, host byte order */
	__u32 server_isn;
	union {
		struct {	     /* of an ACK whose cookie was checked */
			__u32 tsval; /* host byte order */
			__u32 tsecr;
		};
		struct {		/* of a SYN, by the route */
			__u16 initrwnd; /* segments; 0: no bound */
			__u8 route_ecn; /* agree to it */
		};
	};
	union {
		struct { /* of a SYN */
			/* where an answer goes, see path/next_hop.bpf.h */
			__u8 hop[6];
			__u8 hop_unknown; /* enum hop_unknown: to the sender */
			__u8 hop_limit;	  /* by the route; 0: the host's */
		};
		struct { /* of an ACK that is to be spliced: the handshake */
			__u16 agreed_mss;
			__u8 agreed_wscale;
			__u8 agreed; /* enum splice_flags */
		};
	};
	struct endpoint ep;
	struct owned owned; /* the last answer of owner_find() */
};

#endif
