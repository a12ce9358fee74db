/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: single TCP segments without data, sent in the name of a
 * server, whose address need not be this host's. The route to the client
 * decides where they leave; the kernel's own rules for what leaves apply.
 */
#ifndef RAWTCP_H
#define RAWTCP_H

#include "synkeeper/types.h"

struct rawtcp {
	int fd4; /* raw sockets that only send */
	int fd6; /* -1: the host has no IPv6 */
};

/* From the server of @t to its client. Numbers in host byte order. */
struct rawtcp_segment {
	__u32 seq, ack;
	__u8 flags; /* TH_ACK ... of <netinet/tcp.h> */
	bool ts;    /* with timestamps: */
	__u32 tsval, tsecr;
};

/*
 * Opens the sockets. Returns 0 or -errno, logged. Needs CAP_NET_RAW, sending
 * does not. rawtcp_close() may be called twice.
 */
int rawtcp_open(struct rawtcp *r);
void rawtcp_close(struct rawtcp *r);

/* Returns 0 or -errno; never blocks. */
int rawtcp_send(const struct rawtcp *r, const struct tuple *t,
		const struct rawtcp_segment *segment);

#endif
