/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: predicts what nftables would do with an incoming packet,
 * by evaluating `nft -j list ruleset` as the kernel evaluates the rules, in
 * prerouting and input. A match on something unknown here (a source, a mark, a
 * named set, xtables matches) may be true or false: both cases are followed, so
 * the result is a set of outcomes, and certain only if it has one element.
 */
#ifndef RULES_H
#define RULES_H

#include <jansson.h>
#include <stdbool.h>

enum {
	RULES_ACCEPT = 1 << 0,
	RULES_DROP = 1 << 1,
};

enum { RULES_PORT_UNKNOWN = -1 };

/* A TCP packet to this host. */
struct rules_packet {
	const char *flags; /* the only flag: "syn" or "ack" */
	const char *state; /* conntrack's: "new", "invalid" */
	const char *iface; /* ingress interface */
	int port; /* destination, host byte order; or RULES_PORT_UNKNOWN */
	bool v6;
};

struct rules; /* opaque */

/* @ruleset: output of `nft -j list ruleset`; keeps a reference. 0 or -errno. */
int rules_new(json_t *ruleset, struct rules **ret);
void rules_free(struct rules *r);

/*
 * The set of possible outcomes for @p. *@ret_where: the base chain that drops
 * it, "inet filter input", valid until rules_free(); NULL if none does.
 */
unsigned int rules_outcomes(struct rules *r, const struct rules_packet *p,
			    const char **ret_where);

#endif
