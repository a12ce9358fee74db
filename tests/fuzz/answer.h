/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: checks what must hold for every answer, without using
 * code of the programs: headers are parsed and checksums computed byte by byte.
 * Of the shared headers only cookie_check() is used, to verify cookie_make(). A
 * cookie of the kernel's is compared with the one that native.socket made, and
 * its input.
 */
#ifndef FUZZ_ANSWER_H
#define FUZZ_ANSWER_H

#include "scenario.h"

struct frame_view {
	const uint8_t *data;
	size_t len;
	size_t linear; /* of them not in fragments */
};

/* Stores the 4-tuple of a frame; returns false if it is not plainly TCP. */
bool frame_tuple(struct frame_view f, struct tuple *ret);

/*
 * Is @out a valid answer to @in, a SYN to a service? Returns NULL, or what is
 * wrong. @ep: the endpoint of the service.
 */
const char *answer_wrong(const struct scenario *s, const struct endpoint *ep,
			 struct frame_view in, struct frame_view out);

#endif
