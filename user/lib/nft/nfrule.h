/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: one rule of nftables, as nfnetlink tells it, reduced to
 * what decides whether sockets that tc has assigned last: does it exempt a port
 * from connection tracking (notrack), lead it elsewhere (DNAT, redirect), end
 * the chain, or make the kernel track connections at all. Expressions are
 * followed register by register. Conditions on protocol, family, destination
 * port and destination address are understood; any other one makes the rule one
 * that may or may not match. Rules of iptables-nft are read as well as its
 * matches tell. Pure.
 */
#ifndef NFRULE_H
#define NFRULE_H

#include <libmnl/libmnl.h>
#include <stdbool.h>
#include <stddef.h>

#include "synkeeper/types.h"

enum nf_action {
	NF_DOES_NOTHING, /* that matters here */
	NF_NOTRACK,
	NF_REDIRECT, /* DNAT, to another host or port */
	NF_DROPS,
	NF_ACCEPTS, /* or anything else that ends the chain for good */
	NF_RETURNS,
	NF_JUMPS, /* to target, and comes back */
	NF_GOES,  /* to target */
	NF_UNKNOWN,
};

struct nf_range {
	__u16 low, high; /* host byte order */
};

struct nf_rule {
	enum nf_action action;
	bool tracks; /* it makes the kernel track connections */
	/* it matches none of: */
	bool not_v4, not_v6, not_tcp;
	bool by_iface; /* a condition on the interface, or "is local" */
	bool partial;  /* a condition that is not understood */
	struct nf_range port;
	struct nf_range *ports; /* of a set; NULL: any within @port */
	size_t n_ports;
	char *set; /* its name, to be read into @ports; NULL: none */
	bool has_addr;
	__be32 addr[4]; /* destination, v4-mapped */
	char *target;	/* name of a chain of its table */
	/* for nfprobe.h; NULL: no room */
	struct nlattr *expressions;
	__u64 handle;
};

enum nf_match { NF_NO, NF_PARTLY, NF_BY_IFACE, NF_YES };

/* Packets of the first of a connection's: what rules are asked about. */
struct nf_packet {
	bool v4;
	const __be32 *addr; /* destination; NULL: any of the host's */
	__u16 port;	    /* host byte order */
};

/*
 * Reads NFTA_RULE_EXPRESSIONS (NULL: none). Returns 0 or -ENOMEM; @ret is to be
 * freed in any case.
 */
int nf_rule_parse(const struct nlattr *expressions, struct nf_rule *ret);
void nf_rule_free(struct nf_rule *r);

enum nf_match nf_rule_match(const struct nf_rule *r, const struct nf_packet *p);

/* Does it match because of the port? */
bool nf_rule_names_port(const struct nf_rule *r);

/* For who parses: what follows notrack in its rule does not take it back. */
void nf_rule_acts(struct nf_rule *r, enum nf_action action);
void nf_rule_limit_port(struct nf_rule *r, __u16 low, __u16 high);

#endif
