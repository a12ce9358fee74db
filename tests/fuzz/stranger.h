/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: whatever strangers send, a good client is served next
 * and nothing is disarmed. What would have been without them is found out
 * first: the scenario is played without its frames, and then a good client
 * comes. Where he is served, he must be after the frames, too, and the
 * settings and services must be what they were.
 */
#ifndef FUZZ_STRANGER_H
#define FUZZ_STRANGER_H

#include <stddef.h>
#include <stdint.h>

#include "play.h"

struct strangers {
	bool judged;	/* whether the scenario tells anything */
	bool served[2]; /* the good client, IPv4 and IPv6, without them */
	__u32 flags;	/* of the settings */
	struct endpoint ep[4]; /* of the port, then of the addresses */
};

/* Plays the scenario in @data without frames. */
void strangers_absent(struct strangers *ret, const uint8_t *data, size_t size);
/* The good client after all of it was played: ends the process if not as
 * well served. */
void strangers_gone(const struct strangers *s, struct play *p);

#endif
