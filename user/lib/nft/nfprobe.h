/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: what one rule of nftables does to a packet of which a
 * part is known: the SYN of a client, the ACK that completes its handshake, or
 * the SYN-ACK between them on its way out. The rule's expressions are run as
 * the kernel runs them (nf_tables_core.c, nft_do_chain()), on registers in
 * which each bit is known or not. Known are protocol, port, TCP flags, the
 * state that conntrack sees, and that only a SYN has certain options; unknown
 * are the client and the values of its options. Matches and targets of iptables
 * are read in nfprobe_xt.c. Pure.
 */
#ifndef NFPROBE_H
#define NFPROBE_H

#include <linux/netfilter/nf_tables.h>
#include <netinet/tcp.h>

#include "netfilter.h"
#include "nfset.h"

/* Bits of `ct state`: NF_CT_STATE_*_BIT of the kernel. */
enum {
	NF_CT_INVALID = 1 << 0,
	NF_CT_ESTABLISHED = 1 << 1,
	NF_CT_NEW = 1 << 3,
	NF_CT_UNTRACKED = 1 << 6,
};

enum nf_probed { NF_SYN, NF_ACK, NF_SYN_ACK };

struct nf_probe {
	enum nf_probed packet;
	bool v4;
	const __be32 *addr; /* the host's, v4-mapped; NULL: any local one */
	__be16 port;	    /* the service's */
	const char *iface;  /* by which it comes or goes; NULL: it may be any */
	__u32 ct_state;	    /* one of the above */
	/* where the rule is, to find its sets; NULL: none can be found */
	const struct nf_sets *sets;
	__u8 family;
	const char *table;
};

/* What a rule does with what it matches. */
enum nf_deed {
	NF_DEED_NONE,
	NF_DEED_DROP,	/* or reject */
	NF_DEED_ACCEPT, /* or anything else that ends the chain */
	NF_DEED_RETURN,
	NF_DEED_JUMP,
	NF_DEED_GOTO,
	NF_DEED_SYNPROXY,
	NF_DEED_TPROXY, /* and goes on */
	NF_DEED_TPROXY_ENDS,
};

enum nf_odds { NF_NEVER, NF_PERHAPS, NF_ALWAYS };

struct nf_effect {
	enum nf_odds odds; /* that it matches */
	/* it depends on more than the client: a mark, another interface, ... */
	bool unsure;
	enum nf_deed deed;
	bool notracks;	    /* connection tracking is not to see the packet */
	const char *target; /* of a jump; the rule's or a set's */
	struct nf_rewrite rewrites;
};

/* @expressions: NFTA_RULE_EXPRESSIONS, NULL: none. */
struct nf_effect nf_probe_rule(const struct nf_probe *p,
			       const struct nlattr *expressions);

/*
 * Calls @want for the sets that a rule looks up by what is known of every
 * packet: ports, flags, states.
 */
void nf_probe_sets(const struct nlattr *expressions,
		   void (*want)(const char *set, void *data), void *data);

/* Does the rule lead what it matches to a transparent proxy? */
bool nf_probe_tproxies(const struct nlattr *expressions);

/* ---- for nfprobe_xt.c ---- */

/* A match and a target of iptables; @len bytes of @info, may be too few. */
void nf_probe_match(const struct nf_probe *p, const char *name,
		    const void *info, size_t len, struct nf_effect *e);
void nf_probe_target(const char *name, const void *info, size_t len,
		     struct nf_effect *e);

/* Which of source and destination, 0 and 1, is the host's end. */
static inline int nf_probe_host(const struct nf_probe *p)
{
	return p->packet != NF_SYN_ACK;
}

static inline __u8 nf_probe_flags(const struct nf_probe *p)
{
	static const __u8 flags[] = { TH_SYN, TH_ACK, TH_SYN | TH_ACK };

	return flags[p->packet];
}

/* One more condition of the rule. */
static inline void nf_effect_if(struct nf_effect *e, enum nf_odds odds)
{
	if (odds < e->odds)
		e->odds = odds;
}

/* TCP options that only SYNs have; see tcp_options_write() of the kernel. */
static inline bool nf_option_of_syn(__u8 kind)
{
	return kind == 2 || kind == 3 || kind == 4 || kind == 34;
}

#endif
