/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: whatever strangers send, a good client is served
 * afterwards and nothing is disarmed. The reference comes first: the scenario
 * is played without its frames, followed by a good client. If that client is
 * served, it must be served after the frames as well, and settings and services
 * must be unchanged.
 */
#ifndef FUZZ_STRANGER_H
#define FUZZ_STRANGER_H

#include <stddef.h>
#include <stdint.h>

#include "play.h"

struct strangers {
	bool judged;	/* whether the scenario is conclusive */
	bool served[2]; /* the good client, IPv4 and IPv6, without them */
	__u32 flags;	/* of the settings */
	struct endpoint ep[4]; /* of the port, then of the addresses */
};

/* Plays the scenario in @data without its frames. */
void strangers_absent(struct strangers *ret, const uint8_t *data, size_t size);
/* The good client after the whole scenario: ends the process if it is served
 * worse. */
void strangers_gone(const struct strangers *s, struct play *p);

#endif
