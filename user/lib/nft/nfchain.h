/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the chains and rules of nftables (nfrule.h), and the
 * path of a packet through them before routing. Where a rule may or may not
 * match, both outcomes are considered: a packet counts as untracked only if it
 * certainly is. The walk is bounded; nothing is certain of a larger ruleset.
 * Pure.
 */
#ifndef NFCHAIN_H
#define NFCHAIN_H

#include <linux/netfilter.h>

#include "nfrule.h"
#include "nfset.h"

enum { NF_DEPTH_MAX = 16 }; /* of jumps: NFT_JUMP_STACK_SIZE */

struct nf_chain {
	__u8 family;
	char *table, *name;
	bool is_base, is_nat;
	bool drops; /* by its policy */
	__u32 hook;
	__s32 priority;
	char *devices;	 /* of family netdev: "\neth0\n"; NULL: none */
	size_t first, n; /* its rules */
};

struct nf_ruleset {
	struct nf_chain *chains; /* sorted by family, table, name */
	size_t n_chains;
	struct nf_rule *rules;
	size_t *chain_of; /* index of each rule's chain */
	size_t *leads_to; /* ... of its target chain; SIZE_MAX: none */
	size_t n_rules;
	/* by family, [1] being IPv4: */
	bool nat[2];	/* a chain of type nat */
	bool tracks[2]; /* a rule makes the kernel track */
	/* for nfjudge.h */
	size_t bytes; /* of rules' expressions */
	struct nf_sets sets;
	bool tproxies; /* some rule may lead packets to a proxy */
};

/* Do rules of @family apply to packets of IPv4 (@v4), or else IPv6? */
static inline bool nf_family_is(__u8 family, bool v4)
{
	return family == NFPROTO_INET ||
	       family == (v4 ? NFPROTO_IPV4 : NFPROTO_IPV6);
}

/* Each adds the contents of an nfnetlink message. 0 or -ENOMEM. */
int nf_ruleset_add_chain(struct nf_ruleset *s, const struct nlmsghdr *nlh);
/* To be called once all chains are added. */
void nf_ruleset_sort_chains(struct nf_ruleset *s);
int nf_ruleset_add_rule(struct nf_ruleset *s, const struct nlmsghdr *nlh);
int nf_rule_add_ports(struct nf_rule *r, const struct nlmsghdr *nlh);
/* ... once all elements of the set are added. */
void nf_rule_settle_ports(struct nf_rule *r);
/* Adds the sets that nfjudge.h needs the elements of to @s->sets. */
int nf_ruleset_find_sets(struct nf_ruleset *s);
/* ... once all rules are added. */
void nf_ruleset_link(struct nf_ruleset *s);
void nf_ruleset_free(struct nf_ruleset *s);

/* Index of a chain; SIZE_MAX: there is none. */
size_t nf_ruleset_chain(const struct nf_ruleset *s, __u8 family,
			const char *table, const char *name);

/* Is @p certainly exempt from connection tracking? */
bool nf_ruleset_untracked(const struct nf_ruleset *s,
			  const struct nf_packet *p);
/* Does a rule that matches on the port redirect @p? */
bool nf_ruleset_redirects(const struct nf_ruleset *s,
			  const struct nf_packet *p);

#endif
