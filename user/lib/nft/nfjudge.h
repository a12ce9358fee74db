/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: which rules would have refused a client's SYN, had it
 * come up to them, and let the ACK pass that completes its handshake? They see
 * only the ACK of a connection whose SYN was answered in the driver, so such a
 * rule refuses nobody. Both packets are walked through every chain on the way
 * in, as nfprobe.h runs rules; a rule that refuses the SYN counts if the ACK
 * does not meet it, and is accepted there or later.
 *
 * A rule that judges the ACK by the same measure (ct state new, the source, a
 * set) does not count: to connection tracking that ACK is new. Nor does a port
 * whose ACKs are refused whatever else they are: there clients hang, which
 * @refuses tells.
 *
 * The walk is bounded, and what is beyond is not claimed. Pure.
 */
#ifndef NFJUDGE_H
#define NFJUDGE_H

#include "netfilter.h"
#include "nfchain.h"
#include "nfprobe.h"

enum { NF_POLICY = -1 };

struct nf_found {
	enum nf_kind kind;
	bool sure; /* it does so for some clients that come by @iface */
	const struct nf_chain *chain;
	long rule; /* index; or NF_POLICY, the chain's */
	bool confirmed;
};

struct nf_judgement {
	struct nf_found found[NF_FOUND_MAX];
	size_t n;
	/* refuses every ACK that a SYN was not seen of, though SYNs may pass */
	const struct nf_chain *refuses;
	long refused_by;     /* the last rule that did; or NF_POLICY */
	unsigned int visits; /* what it cost */
};

/*
 * @s is sorted and linked, and has its sets. @loose: connection tracking takes
 * an ACK as new (net.netfilter.nf_conntrack_tcp_loose).
 */
void nf_ruleset_judge(const struct nf_ruleset *s, const struct nf_asked *asked,
		      bool loose, struct nf_judgement *ret);

/* "inet filter input handle 7: tcp flags syn drop"; returns @buf. */
const char *nf_found_text(const struct nf_ruleset *s, const struct nf_chain *c,
			  long rule, char *buf, size_t size);

#endif
