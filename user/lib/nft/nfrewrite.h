/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: what the rules on the way out would make of the kernel's
 * SYN-ACK, which one of ours does not meet: a smaller MSS (clamped for a tunnel
 * behind this host) or another DSCP. An MSS counts even if only some clients
 * would get it, since a smaller one is always safe; a DSCP if its rule is for
 * all that come to it. The walk is bounded. Pure.
 */
#ifndef NFREWRITE_H
#define NFREWRITE_H

#include "netfilter.h"
#include "nfchain.h"
#include "nfprobe.h"

/* @s: as for nf_ruleset_judge(). Returns the number of rules looked at. */
unsigned int nf_ruleset_rewrites(const struct nf_ruleset *s,
				 const struct nf_asked *asked,
				 struct nf_rewrite *ret);

#endif
