/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: a rule of nftables, as nfnetlink describes it, reduced
 * to what decides whether sockets assigned at tc survive: does it exempt a port
 * from connection tracking (notrack), redirect it (DNAT, redirect), end the
 * chain, or make the kernel track connections at all? Expressions are followed
 * register by register. Conditions on protocol, family, destination port and
 * destination address are understood; with any other, the rule may or may not
 * match. Rules of iptables-nft are read as far as their matches are known.
 * Pure.
 */
#ifndef NFRULE_H
#define NFRULE_H

#include <libmnl/libmnl.h>
#include <stdbool.h>
#include <stddef.h>

#include "synkeeper/types.h"

enum nf_action {
	NF_DOES_NOTHING, /* nothing that matters here */
	NF_NOTRACK,
	NF_REDIRECT, /* DNAT, to another host or port */
	NF_DROPS,
	NF_ACCEPTS, /* or anything else that ends the chain for good */
	NF_RETURNS,
	NF_JUMPS, /* to target, then continues */
	NF_GOES,  /* to target */
	NF_UNKNOWN,
};

struct nf_range {
	__u16 low, high; /* host byte order */
};

struct nf_rule {
	enum nf_action action;
	bool tracks; /* makes the kernel track connections */
	/* never matches: */
	bool not_v4, not_v6, not_tcp;
	bool by_iface; /* a condition on the interface, or "is local" */
	bool partial;  /* a condition that is not understood */
	struct nf_range port;
	struct nf_range *ports; /* of a set; NULL: any within @port */
	size_t n_ports;
	char *set; /* name of a set to read into @ports; NULL: none */
	bool has_addr;
	__be32 addr[4]; /* destination, v4-mapped */
	char *target;	/* name of a chain of its table */
};

enum nf_match { NF_NO, NF_PARTLY, NF_BY_IFACE, NF_YES };

/* A connection's first packets, for which rules are evaluated. */
struct nf_packet {
	bool v4;
	const __be32 *addr; /* destination; NULL: any of the host's */
	__u16 port;	    /* host byte order */
};

/*
 * Parses NFTA_RULE_EXPRESSIONS (NULL: none). Returns 0 or -ENOMEM; @ret is to
 * be freed in either case.
 */
int nf_rule_parse(const struct nlattr *expressions, struct nf_rule *ret);
void nf_rule_free(struct nf_rule *r);

enum nf_match nf_rule_match(const struct nf_rule *r, const struct nf_packet *p);

/* Does it match on the port? */
bool nf_rule_names_port(const struct nf_rule *r);

/* For parsers. Actions that follow notrack in a rule do not undo it. */
void nf_rule_acts(struct nf_rule *r, enum nf_action action);
void nf_rule_limit_port(struct nf_rule *r, __u16 low, __u16 high);

#endif
