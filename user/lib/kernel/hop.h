/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: what can be said in advance about where answers go, so
 * that the XDP program need not ask the kernel for each (see
 * bpf/path/next_hop.bpf.h). Pure functions of what routing.h has read.
 */
#ifndef HOP_H
#define HOP_H

#include "routing.h"
#include "synkeeper/abi.h"

/*
 * The usual case: default rules, a single best default route, through a gateway
 * on @device. Returns that route and stores in @ret the prefixes that are not
 * behind it, for whose sources the kernel is to be asked (kind HOP_USUAL; the
 * gateway's MAC is left to the caller). Returns NULL, and kind HOP_ROUTED, if
 * it is not so simple: the kernel is asked always.
 */
const struct route *hop_choose(const struct routing *r, __u8 family, int device,
			       struct next_hop *ret);

/* May any route be `throw`, which sends on to the next policy rule? */
bool hop_throws(const struct routing *r);

/* The best default route; NULL if there is none, or several equal ones. */
const struct route *hop_default(const struct routing *r);

/* Can an answer have to be routed at all? Not with link-local routes alone. */
bool hop_is_needed(const struct routing *r, __u8 family);

/*
 * May net.ipv6.conf.lo.forwarding be set without a loss? Not if there is, or
 * may be, what forwarding.h names.
 */
bool hop_may_forward6(const struct routing *r);

#endif
