/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the chains and rules of nftables (nfrule.h), and the
 * walk through them as a packet before routing takes it. Where a rule may match
 * or not, both ways are kept in mind: a packet is untracked only if it
 * certainly is. The walk is bounded; a larger ruleset says nothing certain.
 * Pure.
 */
#ifndef NFCHAIN_H
#define NFCHAIN_H

#include <linux/netfilter.h>

#include "nfrule.h"
#include "nfset.h"

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
	size_t *chain_of; /* index of each rule's */
	size_t *leads_to; /* ... of the target's; SIZE_MAX: none */
	size_t n_rules;
	/* by family, [1] being IPv4: */
	bool nat[2];	/* a chain of type nat */
	bool tracks[2]; /* something that makes the kernel track */
	/* for nfjudge.h */
	size_t bytes; /* of rules' expressions */
	struct nf_sets sets;
	bool tproxies; /* some rule may lead packets to a proxy */
};

/* Do rules of @family see packets of the one that @v4 says? */
static inline bool nf_family_is(__u8 family, bool v4)
{
	return family == NFPROTO_INET ||
	       family == (v4 ? NFPROTO_IPV4 : NFPROTO_IPV6);
}

/* Each adds what a message of nfnetlink brings. 0 or -ENOMEM. */
int nf_ruleset_add_chain(struct nf_ruleset *s, const struct nlmsghdr *nlh);
/* When all chains are there. */
void nf_ruleset_sort_chains(struct nf_ruleset *s);
int nf_ruleset_add_rule(struct nf_ruleset *s, const struct nlmsghdr *nlh);
int nf_rule_add_ports(struct nf_rule *r, const struct nlmsghdr *nlh);
/* When all elements of the set are there. */
void nf_rule_settle_ports(struct nf_rule *r);
/* Adds the sets that nfjudge.h needs the elements of to @s->sets. */
int nf_ruleset_find_sets(struct nf_ruleset *s);
/* When all rules are there. */
void nf_ruleset_link(struct nf_ruleset *s);
void nf_ruleset_free(struct nf_ruleset *s);

/* Index of a chain; SIZE_MAX: there is none. */
size_t nf_ruleset_chain(const struct nf_ruleset *s, __u8 family,
			const char *table, const char *name);

/* Is @p certainly exempt from connection tracking? */
bool nf_ruleset_untracked(const struct nf_ruleset *s,
			  const struct nf_packet *p);
/* Does a rule that names its port lead @p elsewhere? */
bool nf_ruleset_redirects(const struct nf_ruleset *s,
			  const struct nf_packet *p);

#endif
