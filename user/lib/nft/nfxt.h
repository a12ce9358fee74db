/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: matches and targets of iptables in rules of nftables
 * (iptables-nft), and their effect on a rule. Of the match "tcp" the ports are
 * parsed, of the target "CT" whether it is --notrack; the others are known by
 * name only.
 */
#ifndef NFXT_H
#define NFXT_H

#include "nfrule.h"

/* @info: @len bytes of the kernel's structure; may be too short. */
void nf_xt_match(struct nf_rule *r, const char *name, const void *info,
		 size_t len);
void nf_xt_target(struct nf_rule *r, const char *name, const void *info,
		  size_t len);

#endif
