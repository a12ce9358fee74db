/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: tests of the second back-end, endpoints that answer with
 * their listener's own cookie. Only the kernel knows what such a cookie looks
 * like, so it is read from the answer; the listener confirms it when the ACK
 * arrives. Everything else is compared byte by byte.
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
 * Runs SYN @syn and compares the answer with @a, except for the cookie, which
 * is returned. Prints any differences and returns false if there are any.
 */
bool kernelside_answered(const char *what, const struct spec *syn,
			 const struct answer_spec *a, struct cookie *ret);
/* The same for a plain SYN; the test fails unless it is answered. */
struct cookie kernelside_cookie(const struct spec *syn);

/* The ACK of @c, with the timestamp if it has one. */
struct spec kernelside_ack(const struct spec *syn, const struct cookie *c);

/*
 * Five to seven minutes after boot every listener seems to have made cookies
 * lately: 0, "never", is then within two minutes of the jiffies, which start at
 * -300 s (tcp_synq_no_recent_overflow()).
 */
bool kernelside_never_is_lately(void);

/* The listener must recognise the cookie of @ack. */
bool kernelside_takes(const char *what, const struct spec *ack);

#endif
