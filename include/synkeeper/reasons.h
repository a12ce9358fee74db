/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: why a packet got its verdict. reason_table.h is the only
 * place that says what a reason is; from its rows are made the enum here, the
 * XDP action in bpf/, the label in `synkeeper stats` and the metrics, the text
 * of `synkeeper explain` and docs/REASONS.md, which reasons `top` and arming
 * take for SYNs, which make an attack, and the tests' lists.
 */
#ifndef SYNKEEPER_REASONS_H
#define SYNKEEPER_REASONS_H

enum reason {
	REASON_NONE, /* go on to the next step */
#define REASON(name, ...) REASON_##name,
#include "synkeeper/reason_table.h"
	REASON_COUNT
};

/*
 * Where it is counted. A packet is counted once at XDP; what is counted at tc
 * only is counted in addition, or is a packet of the server's.
 */
enum reason_hook {
	AT_XDP = 1,
	AT_INGRESS = 2,
	AT_EGRESS = 4,
};

/* Which packets may be counted so, by their SYN, ACK, FIN and RST. */
enum reason_packet {
	OF_SYN = 1, /* SYN alone */
	OF_ACK = 2, /* ACK, with or without FIN */
	OF_RST = 4, /* RST, with or without ACK */
	OF_ODD = 8, /* what is none of these */
	OF_ANY = 15,
};

/* What the counters' readers in the daemon take it for. */
enum reason_use {
	AS_NOTHING = 0,
	AS_SYN_FLOOD = 1,
	AS_ACK_FLOOD = 2,
	AS_RST_FLOOD = 4,
	AS_MALFORMED = 8,
	/* a SYN that a disarmed service's listener gets, an armed one's not */
	AS_ARMING = 16,
	AS_OPENED = 32, /* a SYN of a flood it was not: its client is there */
};

#endif
