/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the second back-end in the tests: endpoints that answer
 * with their listener's own cookie. What such a cookie is only the kernel
 * knows, so it is read from the answer; that it is one, the listener says when
 * the ACK comes. Everything around it is compared byte by byte.
 */
#ifndef TESTS_BPF_KERNELSIDE_H
#define TESTS_BPF_KERNELSIDE_H

#include "synack.h"

/* harness_setup(), endpoints as named, and tcp_syncookies = 2. */
int kernelside_setup(void **state);
/* The same, with a listener for each family. */
int kernelside_setup_listening(void **state);

/* Both services at 443. */
void kernelside_mode(enum endpoint_mode mode);

/*
 * Runs SYN @syn, and compares its answer with what @a says but for the cookie,
 * which it returns. Prints what differs and returns false then.
 */
bool kernelside_answered(const char *what, const struct spec *syn,
			 const struct answer_spec *a, struct cookie *ret);
/* The same of a plain SYN, which must be answered, else the test fails. */
struct cookie kernelside_cookie(const struct spec *syn);

/* The ACK of @c, with the timestamp if it has one. */
struct spec kernelside_ack(const struct spec *syn, const struct cookie *c);

/* The listener must say that it made the cookie of @ack. */
bool kernelside_takes(const char *what, const struct spec *ack);

#endif
