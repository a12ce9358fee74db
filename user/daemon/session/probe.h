/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: a client whose ACK was admitted while the accept queue
 * was full, or whose following packet was lost, considers its connection
 * established; if the server is to speak first, the client waits silently, and
 * a server with cookies has nothing to retransmit. So the daemon probes: it
 * sends what looks like a keep-alive (RFC 1122 section 4.2.3.6), one sequence
 * number below the next, and the client's reply is an ACK that carries the
 * cookie again. Only clients with a valid cookie are ever probed.
 */
#ifndef PROBE_H
#define PROBE_H

#include "kernel/rawtcp.h"
#include "synkeeper/abi.h"

/* Probes the client of pending session @s. Returns 0 or -errno. */
int probe_send(const struct rawtcp *r, const struct session *s);

#endif
