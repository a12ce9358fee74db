/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: why a packet got its verdict. reason_table.h is the only
 * definition of a reason; generated from its rows are the enum here, the XDP
 * action in bpf/, the labels in `synkeeper stats` and the metrics, the text of
 * `synkeeper explain` and docs/REASONS.md, the sets of reasons that `top` and
 * arming count as SYNs and as an attack, and lists in the tests.
 */
#ifndef SYNKEEPER_REASONS_H
#define SYNKEEPER_REASONS_H

enum reason {
	REASON_NONE, /* continue with the next step */
#define REASON(name, ...) REASON_##name,
#include "synkeeper/reason_table.h"
	REASON_COUNT
};

/*
 * Where it is counted. XDP counts each packet once. What tc counts is either in
 * addition to that, or a packet of the server's.
 */
enum reason_hook {
	AT_XDP = 1,
	AT_INGRESS = 2,
	AT_EGRESS = 4,
};

/* Which packets can have it, by their SYN, ACK, FIN and RST flags. */
enum reason_packet {
	OF_SYN = 1, /* SYN alone */
	OF_ACK = 2, /* ACK, with or without FIN */
	OF_RST = 4, /* RST, with or without ACK */
	OF_ODD = 8, /* none of these */
	OF_ANY = 15,
};

/* What readers of the counters take it for. */
enum reason_use {
	AS_NOTHING = 0,
	AS_SYN_FLOOD = 1,
	AS_ACK_FLOOD = 2,
	AS_RST_FLOOD = 4,
	AS_MALFORMED = 8,
	/* a SYN that reaches the listener only while the service is disarmed */
	AS_ARMING = 16,
	AS_OPENED = 32, /* an earlier SYN was genuine: its client is there */
};

#endif
