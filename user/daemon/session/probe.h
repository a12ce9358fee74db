/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: a client whose ACK was admitted while the accept queue
 * was full, or whose ACK's successor was lost, takes its connection for
 * established; if the server is to speak first, it waits without a word, and
 * a server with cookies has nothing that it could retransmit. So the daemon
 * asks: it sends what a keep-alive looks like (RFC 1122 section 4.2.3.6), one
 * sequence number below the next, and the client's reply is an ACK that bears
 * the cookie again. Only clients whose cookie was valid are ever asked.
 */
#ifndef PROBE_H
#define PROBE_H

#include "synkeeper/abi.h"

struct probe {
	int fd4; /* raw sockets that only send */
	int fd6;
};

/* Opens the sockets; needs CAP_NET_RAW, sending does not. */
int probe_open(struct probe *p);
void probe_close(struct probe *p);

/* Asks the client of pending session @s. Returns 0 or -errno. */
int probe_send(const struct probe *p, const struct session *s);

#endif
