/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: what nftables' rules would do with a packet that comes
 * in, as far as that can be said: `nft -j list ruleset` is walked as the kernel
 * walks the rules, in prerouting and input. A match that depends on what is
 * not known here (a source, a mark, a named set, iptables' own matches) may
 * hold or not: both ways are followed, so the answer is a set of outcomes, and
 * one outcome alone is certain.
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
	const char *flags; /* the only one: "syn" or "ack" */
	const char *state; /* conntrack's: "new", "invalid" */
	const char *iface; /* it comes in by */
	int port;	   /* its destination's; RULES_PORT_UNKNOWN */
	bool v6;
};

struct rules; /* opaque */

/* What `nft -j list ruleset` printed; keeps a reference. 0 or -errno. */
int rules_new(json_t *ruleset, struct rules **ret);
void rules_free(struct rules *r);

/*
 * The set of what may become of @p. *@ret_where: "inet filter input", the base
 * chain that drops, until rules_free(); NULL if none does.
 */
unsigned int rules_outcomes(struct rules *r, const struct rules_packet *p,
			    const char **ret_where);

#endif
