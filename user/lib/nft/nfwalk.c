/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: see nfchain.h; matching rules, walking chains.
 */
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>
#include <stdint.h>
#include <string.h>

#include "nfchain.h"

enum { VISITS_MAX = 4096 };

static bool port_matches(const struct nf_rule *r, __u16 port)
{
	size_t i;

	if (port < r->port.low || port > r->port.high)
		return false;
	for (i = 0; i < r->n_ports; i++)
		if (port >= r->ports[i].low && port <= r->ports[i].high)
			return true;
	return !r->set;
}

enum nf_match nf_rule_match(const struct nf_rule *r, const struct nf_packet *p)
{
	if ((p->v4 ? r->not_v4 : r->not_v6) || r->not_tcp ||
	    !port_matches(r, p->port))
		return NF_NO;
	if (r->has_addr && p->addr && memcmp(p->addr, r->addr, 16))
		return NF_NO;
	if (r->partial || (r->has_addr && !p->addr))
		return NF_PARTLY;
	return r->by_iface ? NF_BY_IFACE : NF_YES;
}

bool nf_rule_names_port(const struct nf_rule *r)
{
	return r->set || r->port.low || r->port.high != 0xffff;
}

/* What has certainly happened to the packet at the end of a chain. */
enum walked {
	WALKED_THROUGH,
	WALKED_UNTRACKED,
	WALKED_REDIRECTED,
	WALKED_ENDED, /* or it may have */
};

struct walk {
	const struct nf_ruleset *s;
	const struct nf_packet *p;
	unsigned int left; /* rules to visit */
};

static enum walked walk_untracked(struct walk *w, size_t chain, int depth);

static enum walked rule_untracked(struct walk *w, size_t i, enum nf_match m,
				  int depth)
{
	const struct nf_rule *r = &w->s->rules[i];
	bool certain = m == NF_YES;
	enum walked there;

	switch (r->action) {
	case NF_NOTRACK:
		return certain ? WALKED_UNTRACKED : WALKED_THROUGH;
	case NF_DOES_NOTHING:
	case NF_DROPS: /* then the packet is gone */
		return WALKED_THROUGH;
	case NF_JUMPS:
		there = walk_untracked(w, w->s->leads_to[i], depth + 1);
		return there == WALKED_UNTRACKED && !certain ? WALKED_THROUGH
							     : there;
	case NF_GOES:
		there = walk_untracked(w, w->s->leads_to[i], depth + 1);
		if (there != WALKED_UNTRACKED)
			return WALKED_ENDED;
		return certain ? there : WALKED_THROUGH;
	default:
		return WALKED_ENDED;
	}
}

static enum walked walk_untracked(struct walk *w, size_t chain, int depth)
{
	size_t i, end;

	if (chain == SIZE_MAX || depth > NF_DEPTH_MAX)
		return WALKED_ENDED;
	i = w->s->chains[chain].first;
	for (end = i + w->s->chains[chain].n; i < end; i++) {
		enum nf_match m = nf_rule_match(&w->s->rules[i], w->p);
		enum walked there;

		if (!w->left)
			return WALKED_ENDED;
		w->left--;
		if (m == NF_NO)
			continue;
		if (m == NF_YES && w->s->rules[i].action == NF_RETURNS)
			return WALKED_THROUGH;
		there = rule_untracked(w, i, m, depth);
		if (there != WALKED_THROUGH)
			return there;
	}
	return WALKED_THROUGH;
}

static enum walked walk_redirects(struct walk *w, size_t chain, bool named,
				  int depth)
{
	size_t i, end;

	if (chain == SIZE_MAX || depth > NF_DEPTH_MAX)
		return WALKED_THROUGH;
	i = w->s->chains[chain].first;
	for (end = i + w->s->chains[chain].n; i < end; i++) {
		const struct nf_rule *r = &w->s->rules[i];
		enum nf_match m = nf_rule_match(r, w->p);
		bool so = named || nf_rule_names_port(r);
		enum walked there = WALKED_THROUGH;

		if (!w->left)
			return WALKED_ENDED;
		w->left--;
		if (m == NF_NO || m == NF_PARTLY)
			continue;
		if (r->action == NF_REDIRECT && so)
			return WALKED_REDIRECTED;
		if (r->action == NF_JUMPS || r->action == NF_GOES)
			there = walk_redirects(w, w->s->leads_to[i], so,
					       depth + 1);
		if (there != WALKED_THROUGH)
			return there;
		if (m != NF_YES)
			continue;
		if (r->action == NF_RETURNS || r->action == NF_GOES)
			return WALKED_THROUGH;
		if (r->action != NF_DOES_NOTHING && r->action != NF_JUMPS)
			return WALKED_ENDED;
	}
	return WALKED_THROUGH;
}

static bool is_before_routing(const struct nf_chain *c,
			      const struct nf_packet *p)
{
	return c->is_base && c->hook == NF_INET_PRE_ROUTING &&
	       nf_family_is(c->family, p->v4);
}

bool nf_ruleset_untracked(const struct nf_ruleset *s, const struct nf_packet *p)
{
	struct walk w = { s, p, VISITS_MAX };
	size_t i;

	for (i = 0; i < s->n_chains; i++) {
		const struct nf_chain *c = &s->chains[i];

		if (is_before_routing(c, p) &&
		    c->priority < NF_IP_PRI_CONNTRACK &&
		    walk_untracked(&w, i, 1) == WALKED_UNTRACKED)
			return true;
	}
	return false;
}

bool nf_ruleset_redirects(const struct nf_ruleset *s, const struct nf_packet *p)
{
	struct walk w = { s, p, VISITS_MAX };
	size_t i;

	for (i = 0; i < s->n_chains; i++)
		if (is_before_routing(&s->chains[i], p) &&
		    s->chains[i].is_nat &&
		    walk_redirects(&w, i, false, 1) == WALKED_REDIRECTED)
			return true;
	return false;
}
