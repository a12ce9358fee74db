/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: matches and targets of iptables inside of nftables'
 * rules (iptables-nft): what they make of a rule. Of the match "tcp" the ports
 * are read, of the target "CT" whether it is --notrack; the rest is known by
 * name.
 */
#ifndef NFXT_H
#define NFXT_H

#include "nfrule.h"

/* @info: @len bytes, as the kernel has them; it may be too short. */
void nf_xt_match(struct nf_rule *r, const char *name, const void *info,
		 size_t len);
void nf_xt_target(struct nf_rule *r, const char *name, const void *info,
		  size_t len);

#endif
