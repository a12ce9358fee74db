/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: what this network namespace's firewall does to sockets
 * that tc assigns. Where NAT is in use for a family, its hook at LOCAL_IN
 * (nf_nat_ipv4_local_in() and its IPv6 sister) compares the assigned socket's
 * remote port with the packet's. The request that bpf_sk_assign_tcp_reqsk()
 * makes has no port yet, so the hook takes it off the packet again, and the
 * kernel resets the client as a stray. That happens exactly where
 *
 *	- a chain of type nat exists for the family (ip, ip6, inet), or the nat
 *	  table of legacy iptables: each registers the hook; and
 *	- connection tracking has looked at the packet: something asked for it
 *	  (a nat or ct expression, legacy rules), and no rule of the raw
 *	  priority has said notrack for it.
 *
 * All of it is read from nfnetlink. Rules are looked at only where there is a
 * chain of type nat. A stranger's packets do not move any of it. What cannot
 * be seen counts as NAT: rules of legacy iptables, their notrack included, and
 * conditions that are not understood (nfrule.h). Too much NAT costs TCP
 * options, too little costs connections. A kernel without connection tracking
 * and nftables is not asked, lest it load a firewall because of us.
 *
 * It also tells where a port leads elsewhere: DNAT or redirect, before routing,
 * by a rule that names the port, and nothing else that is not understood but
 * the interface. No cookie made here is honoured there.
 *
 * And it tells which rules refuse SYNs that Synkeeper answers before them, and
 * not the rest of the connection (nfjudge.h); for that all rules on the way in
 * are read wherever nftables is loaded.
 *
 * NFNL_SUBSYS_HOOK would tell the hooks themselves, where the kernel has it
 * (CONFIG_NETFILTER_NETLINK_HOOK, off in many); the chains tell the same.
 */
#ifndef NETFILTER_H
#define NETFILTER_H

#include <stdbool.h>
#include <stddef.h>

#include "synkeeper/types.h"

struct netfilter; /* opaque */

enum nf_fate {
	NF_KEEPS,     /* sockets that tc assigns last */
	NF_EXEMPT,    /* the same, by notrack, although NAT is in use */
	NF_LOSES,     /* they do not */
	NF_ELSEWHERE, /* the connection ends elsewhere */
};

/* Opens what is needed. Nothing is read yet: all is NF_KEEPS. 0 or -errno. */
int netfilter_open(struct netfilter **ret);
void netfilter_free(struct netfilter *n);

/*
 * Looks whether something has changed, which is cheap, and reads it. Returns 1
 * if what is known has changed, 0, or -errno: then what was read before stands.
 */
int netfilter_look(struct netfilter *n);

/*
 * A descriptor that becomes readable when the ruleset changes, or -1: not yet,
 * as the kernel has no firewall; ask again after each look. It is
 * @n's, and does not change once it is there.
 */
int netfilter_fd(struct netfilter *n);
/* Takes what has made it readable. */
void netfilter_drain(struct netfilter *n);

/*
 * What becomes of connections to @addr (v4-mapped; NULL: any of the host's, of
 * the family that @v4 says) and @port (network byte order).
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

/* Legacy iptables and what is not understood are not in it. */
void netfilter_judge(const struct netfilter *n, const struct nf_asked *asked,
		     struct nf_findings *ret);
/* Does any rule lead connections to a transparent proxy (TPROXY)? */
bool netfilter_proxies(const struct netfilter *n);
/* How often what is known has changed: the same number, the same findings. */
unsigned int netfilter_version(const struct netfilter *n);

#endif
