/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: what was found out about the packet in hand, step by
 * step: classify adds the endpoint, the router the session, the owner its
 * answer. A member is good once the step that fills it was taken, and zero
 * before. Steps that need only the wire are given the packet inside.
 *
 * It stands on the programs' stacks, and a chain of calls has 512 bytes of
 * those: what need not last from one step to the next does not belong here.
 */
#ifndef SYNKEEPER_FLOW_BPF_H
#define SYNKEEPER_FLOW_BPF_H

#include "owned.bpf.h"
#include "packet.bpf.h"

struct flow {
	struct packet pkt;
	__u8 known;	  /* it has an entry in the session table */
	__u8 pending;	  /* ... which waits for its owner */
	__u8 recent;	  /* ... and was seen a moment ago */
	__u32 set;	  /* of the session table */
	int slot;	  /* of its session there; -1: none */
	__u32 client_isn; /* of a pending session, host byte order */
	__u32 server_isn;
	__u32 tsval; /* of an ACK that was asked for its cookie, likewise */
	__u32 tsecr;
	struct endpoint ep;
	struct owned owned; /* the last answer of owner_find() */
};

#endif
