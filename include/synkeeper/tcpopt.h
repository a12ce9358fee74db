/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: parses TCP options (RFC 9293 section 3.1) in one bounded
 * walk over a copy of the option bytes. tcpopt_step() handles one option; BPF
 * calls it from bpf_loop(), user space from a plain loop, so there is only one
 * parser. An unknown option is skipped by its length (MUST-6); an illegal
 * length ends the walk (MUST-7). Options before a malformed one remain valid,
 * as in the kernel's tcp_parse_options().
 */
#ifndef SYNKEEPER_TCPOPT_H
#define SYNKEEPER_TCPOPT_H

#include "types.h"

enum {
	TCPOPT_MAX_LEN = 40, /* doff 15 minus the fixed header */
	TCPOPT_BUF_LEN = 64, /* a power of two: a mask bounds the index */

	OPT_EOL = 0,
	OPT_NOP = 1,
	OPT_MSS = 2,
	OPT_WSCALE = 3,
	OPT_SACK_PERM = 4,
	OPT_TIMESTAMP = 8,
	OPT_MD5 = 19,	    /* RFC 2385 */
	OPT_AO = 29,	    /* RFC 5925 */
	OPT_FAST_OPEN = 34, /* RFC 7413 */
	OPT_EXPERIMENT = 254,

	EXPERIMENT_FAST_OPEN = 0xf989, /* its number, RFC 6994 */

	WSCALE_MAX = 14, /* RFC 7323 section 2.3: more counts as 14 */
	WSCALE_NONE = 15,
};

/* What is for the kernel alone to judge. Its contents are not looked at. */
enum tcp_opts_asks {
	OPTS_FAST_OPEN = 1 << 0,
	OPTS_SIGNED = 1 << 1,
};

/* What a SYN offered or an ACK carried. Host byte order. */
struct tcp_opts {
	__u32 tsval;
	__u32 tsecr;
	__u16 mss;   /* 0: no option */
	__u8 wscale; /* WSCALE_NONE: no option */
	__u8 sack;
	__u8 ts;
	__u8 asks; /* enum tcp_opts_asks */
};

struct tcpopt_walk {
	__u8 buf[TCPOPT_BUF_LEN]; /* zeroed beyond @len */
	__u32 pos;
	__u32 len;
	struct tcp_opts opts;
};

static __always_inline __u32 tcpopt_byte(const struct tcpopt_walk *w, __u32 i)
{
	return w->buf[i & (TCPOPT_BUF_LEN - 1)];
}

static __always_inline __u32 tcpopt_be32(const struct tcpopt_walk *w, __u32 i)
{
	return tcpopt_byte(w, i) << 24 | tcpopt_byte(w, i + 1) << 16 |
	       tcpopt_byte(w, i + 2) << 8 | tcpopt_byte(w, i + 3);
}

static __always_inline void tcp_opts_init(struct tcp_opts *o)
{
	*o = (struct tcp_opts){ .wscale = WSCALE_NONE };
}

/* An option that is none of an ordinary handshake, at @pos, of length @len. */
static __always_inline __u32 tcpopt_asks(const struct tcpopt_walk *w, __u32 pos,
					 __u32 kind, __u32 len)
{
	if (kind == OPT_MD5 || kind == OPT_AO)
		return OPTS_SIGNED;
	if (kind == OPT_FAST_OPEN)
		return OPTS_FAST_OPEN;
	if (kind == OPT_EXPERIMENT && len >= 4 &&
	    (tcpopt_byte(w, pos + 2) << 8 | tcpopt_byte(w, pos + 3)) ==
		    EXPERIMENT_FAST_OPEN)
		return OPTS_FAST_OPEN;
	return 0;
}

/* The mask is a no-op; it keeps the verifier from tracking every value. */
static __always_inline void tcpopt_goto(struct tcpopt_walk *w, __u32 pos)
{
	w->pos = pos & (TCPOPT_BUF_LEN - 1);
}

/* Parses the option at @w->pos. Returns 0 to continue, 1 at the end. */
static __always_inline int tcpopt_step(struct tcpopt_walk *w)
{
	__u32 pos = w->pos, kind, len;

	if (pos >= w->len)
		return 1;
	kind = tcpopt_byte(w, pos);
	if (kind == OPT_EOL)
		return 1;
	if (kind == OPT_NOP) {
		tcpopt_goto(w, pos + 1);
		return 0;
	}
	len = tcpopt_byte(w, pos + 1);
	if (pos + 1 >= w->len || len < 2 || pos + len > w->len)
		return 1;

	if (kind == OPT_MSS && len == 4) {
		w->opts.mss = tcpopt_byte(w, pos + 2) << 8 |
			      tcpopt_byte(w, pos + 3);
	} else if (kind == OPT_WSCALE && len == 3) {
		__u32 shift = tcpopt_byte(w, pos + 2);

		w->opts.wscale = shift > WSCALE_MAX ? WSCALE_MAX : shift;
	} else if (kind == OPT_SACK_PERM && len == 2) {
		w->opts.sack = 1;
	} else if (kind == OPT_TIMESTAMP && len == 10) {
		w->opts.ts = 1;
		w->opts.tsval = tcpopt_be32(w, pos + 2);
		w->opts.tsecr = tcpopt_be32(w, pos + 6);
	} else {
		w->opts.asks |= tcpopt_asks(w, pos, kind, len);
	}
	tcpopt_goto(w, pos + len);
	return 0;
}

#endif
