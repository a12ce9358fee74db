/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the expected SYN-ACK for a SYN, and the ACK that a
 * client would then send, built from include/synkeeper/cookie.h and the
 * settings of the harness. What cannot be derived from the SYN is in the table
 * of the test.
 */
#ifndef TESTS_BPF_SYNACK_H
#define TESTS_BPF_SYNACK_H

#include "harness.h"

/* What a table says about the answer to a SYN. */
struct answer_spec {
	struct handshake hs; /* negotiated, before the cookie rounds it */
	const char *opts;    /* "COOKIE" stands for the cookie's TSval */
	const struct cookie *cookie; /* NULL: synack_cookie()'s */
	uint16_t window;	     /* 0: whole segments of SERVER_WINDOW */
};

/* What clients ask for; a cookie keeps the second exactly, too. */
extern const struct handshake with_ts, without_ts;

/* The current epoch's cookie. *@hs becomes what the cookie keeps of it. */
struct cookie synack_cookie(const struct spec *syn, struct handshake *hs);

/*
 * The frame that @in, built from @syn, must become; padding after the answer's
 * IP packet consists of bytes of @in.
 */
void synack_build(const struct spec *syn, const struct frame *in,
		  const struct answer_spec *a, struct frame *ret);

/*
 * The same with everything derived from @syn: a plain loop over its options,
 * RFC 7323, RFC 3168 and the settings decide. False: no cookie holds its MSS,
 * or it is signed.
 */
bool synack_reference(const struct spec *syn, const struct frame *in,
		      struct frame *ret);

/*
 * The ACK with which the client of @syn completes the handshake. With
 * timestamps its TSval is ACK_TSVAL.
 */
enum { ACK_TSVAL = 5000 };
struct spec synack_ack(const struct spec *syn, const struct handshake *hs,
		       struct handshake *ret_kept);
/* Admits an IPv4 client from port @sport. Returns its ACK. */
struct spec synack_admitted(uint16_t sport);

/* Forms of an ACK that completes a handshake; ends at @what NULL. */
struct first_packet {
	const char *what;
	uint8_t flags;
	uint16_t data;
};
extern const struct first_packet first_packets[];

#endif
