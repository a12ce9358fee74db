/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: what must hold of every answer, checked without a line
 * of the programs: headers are taken apart and sums made byte by byte. Of the
 * shared headers it uses the cookie's reading side, against its making side. A
 * cookie of the kernel's is compared with what native.socket made, and of what.
 */
#ifndef FUZZ_ANSWER_H
#define FUZZ_ANSWER_H

#include "scenario.h"

struct frame_view {
	const uint8_t *data;
	size_t len;
	size_t linear; /* of them not in fragments */
};

/* The 4-tuple of a frame that is plainly TCP; false: it is not. */
bool frame_tuple(struct frame_view f, struct tuple *ret);

/*
 * Is @out what @in, a SYN to a service, may get? Returns NULL or what is wrong.
 * @ep: the service's endpoint.
 */
const char *answer_wrong(const struct scenario *s, const struct endpoint *ep,
			 struct frame_view in, struct frame_view out);
/* The same of the RST that an ACK gets. */
const char *reset_wrong(const struct scenario *s, struct frame_view in,
			struct frame_view out);

#endif
