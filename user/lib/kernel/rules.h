/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the policy rules of one family, as far as they decide on
 * the route of a SYN-ACK: fib_rule_match() of net/core/fib_rules.c. What is
 * known in advance of that packet (from which address and port, to whom, that
 * it is TCP and the host's own) is kept as a condition, or leaves the rule out.
 * A rule that looks at anything else makes the whole list unknown.
 */
#ifndef RULES_H
#define RULES_H

#include <stdbool.h>
#include <stddef.h>

#include "synkeeper/limits.h"
#include "synkeeper/types.h"

struct rule {
	__u8 from[16], to[16]; /* IPv4: the first four bytes */
	__u8 from_len, to_len;
	__u16 port_min, port_max; /* of the service; 0 to 65535: any */
	__u32 table;
	int suppress; /* routes of prefixes up to this length do not count */
};

struct rules {
	struct rule all[ROUTE_RULES_MAX]; /* in order, without table local */
	size_t n;
	bool plain;	     /* those that fib_default_rules_init() makes */
	const char *unknown; /* why they cannot be followed; NULL: they can */
};

/*
 * @family: AF_INET or AF_INET6. Returns 0 or -errno; -EINTR: they changed
 * meanwhile, ask again.
 */
int rules_read(__u8 family, struct rules *ret);

#endif
