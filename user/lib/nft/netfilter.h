/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: what this network namespace's firewall does to sockets
 * assigned at tc. Where NAT is in use for a family, its hook at LOCAL_IN
 * (nf_nat_ipv4_local_in() and its IPv6 counterpart) compares the remote port of
 * the assigned socket with the packet's. The request that
 * bpf_sk_assign_tcp_reqsk() makes has no port yet, so the hook removes it from
 * the packet, and the kernel resets the client. This happens exactly if
 *
 *	- a chain of type nat exists for the family (ip, ip6, inet), or the nat
 *	  table of legacy iptables: either registers the hook; and
 *	- connection tracking has seen the packet: something requires it (a nat
 *	  or ct expression, legacy rules), and no rule at raw priority has
 *	  exempted it by notrack.
 *
 * All of it is read from nfnetlink. No packet can change any of it. What cannot
 * be read counts as NAT: rules of legacy iptables, including their notrack, and
 * conditions that are not understood (nfrule.h). NAT seen where there is none
 * costs TCP options; NAT missed costs connections. A kernel without connection
 * tracking and nftables is not asked, because asking would load them.
 *
 * It also finds ports that are redirected: DNAT or redirect before routing, by
 * a rule that matches on the port and has no condition that is not understood,
 * except on the interface. No cookie made here is honoured there.
 *
 * It also finds rules that refuse SYNs which Synkeeper answers before them, and
 * not the rest of the connection (nfjudge.h), and what rules on the way out
 * would make of a SYN-ACK (nfrewrite.h). For that, all rules are read wherever
 * nftables is loaded.
 *
 * NFNL_SUBSYS_HOOK would list the hooks themselves, but many kernels lack it
 * (CONFIG_NETFILTER_NETLINK_HOOK); the chains say the same.
 */
#ifndef NETFILTER_H
#define NETFILTER_H

#include <stdbool.h>
#include <stddef.h>

#include "synkeeper/types.h"

struct netfilter; /* opaque */

enum nf_fate {
	NF_KEEPS,     /* sockets assigned at tc survive */
	NF_EXEMPT,    /* the same, by notrack, although NAT is in use */
	NF_LOSES,     /* they are lost */
	NF_ELSEWHERE, /* the connection is redirected */
};

/* Reads nothing yet: every port is NF_KEEPS. 0 or -errno. */
int netfilter_open(struct netfilter **ret);
void netfilter_free(struct netfilter *n);

/*
 * Checks for changes, which is cheap, and reads them. Returns 1 if there were
 * any, 0, or -errno: earlier results then stay in force.
 */
int netfilter_look(struct netfilter *n);

/*
 * A descriptor that becomes readable when the ruleset changes, or -1 while the
 * kernel has no firewall: try again after each netfilter_look(). @n owns it,
 * and it does not change once it exists.
 */
int netfilter_fd(struct netfilter *n);
/* Discards what made it readable. */
void netfilter_drain(struct netfilter *n);

/*
 * What happens to connections to @addr (v4-mapped; NULL: any of the host's, of
 * the family that @v4 selects) and @port (network byte order).
 */
enum nf_fate netfilter_at(const struct netfilter *n, bool v4,
			  const __be32 addr[4], __be16 port);

/* ---- rules that Synkeeper's answer bypasses ---- */

enum { NF_FOUND_MAX = 8, NF_TEXT_LEN = 256 };

enum nf_kind {
	NF_KIND_BYPASSED, /* refuses SYNs alone */
	NF_KIND_SYNPROXY, /* answers SYNs itself */
	NF_KIND_TPROXY,	  /* leads connections to a proxy */
};

struct nf_asked {
	bool v4;
	const __be32 *addr; /* v4-mapped; NULL: any of the host's */
	__be16 port;
	const char *iface; /* on which clients come; NULL: it may be any */
};

struct nf_finding {
	enum nf_kind kind;
	bool sure; /* for some clients; else it depends on marks and the like */
	char text[NF_TEXT_LEN]; /* the rule: where it is, and what it says */
};

struct nf_findings {
	struct nf_finding list[NF_FOUND_MAX];
	size_t n;
	/*
	 * The rule that refuses the ACK of every connection whose SYN it has
	 * not seen, where it lets SYNs pass; "" none.
	 */
	char refuses[NF_TEXT_LEN];
	unsigned int cost; /* rules looked at */
};

/* What is written into a SYN-ACK on its way out. */
struct nf_rewrite {
	__u16 mss;	    /* at most; 0: as it is */
	__u8 tos, tos_mask; /* or traffic class: these bits become @tos */
};

/* Legacy iptables and what is not understood are not in it. */
void netfilter_judge(const struct netfilter *n, const struct nf_asked *asked,
		     struct nf_findings *ret);
/* The same for what rules write. Returns what it cost: rules looked at. */
unsigned int netfilter_rewrites(const struct netfilter *n,
				const struct nf_asked *asked,
				struct nf_rewrite *ret);
/* Does any rule lead connections to a transparent proxy (TPROXY)? */
bool netfilter_proxies(const struct netfilter *n);
/* How often what is known has changed: the same number, the same findings. */
unsigned int netfilter_version(const struct netfilter *n);

#endif
