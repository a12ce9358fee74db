/* SPDX-License-Identifier: GPL-2.0-only */
#include <stdint.h>

#include "nfrewrite.h"

enum { VISITS_MAX = 4096 };

struct walk {
	const struct nf_ruleset *s;
	struct nf_probe p;
	struct nf_rewrite *ret;
	unsigned int left; /* rules to visit */
};

/* Of several MSSs the least counts, of several DSCPs the last. */
static void note(struct walk *w, const struct nf_effect *e, bool always)
{
	const struct nf_rewrite *from = &e->rewrites;
	struct nf_rewrite *to = w->ret;

	if (from->mss && !e->unsure && (!to->mss || from->mss < to->mss))
		to->mss = from->mss;
	if (!from->tos_mask || !always || e->unsure)
		return;
	to->tos = (to->tos & ~from->tos_mask) | from->tos;
	to->tos_mask |= from->tos_mask;
}

/*
 * @always: every SYN-ACK comes here. Returns whether any may come to the end of
 * the chain, or return from it.
 */
static bool walk_chain(struct walk *w, size_t chain, bool always, int depth)
{
	size_t i, end;

	if (chain == SIZE_MAX || depth > NF_DEPTH_MAX)
		return true;
	i = w->s->chains[chain].first;
	for (end = i + w->s->chains[chain].n; i < end && w->left; i++) {
		struct nf_effect e;
		bool all, back = true;

		w->left--;
		w->p.family = w->s->chains[chain].family;
		w->p.table = w->s->chains[chain].table;
		e = nf_probe_rule(&w->p, w->s->rules[i].expressions);
		if (!e.odds)
			continue;
		all = always && e.odds == NF_ALWAYS;
		note(w, &e, all);
		if (e.deed == NF_DEED_JUMP || e.deed == NF_DEED_GOTO)
			back = walk_chain(w, w->s->leads_to[i], all, depth + 1);
		if (e.odds != NF_ALWAYS)
			continue;
		if (e.deed == NF_DEED_GOTO || e.deed == NF_DEED_RETURN)
			return back;
		if (e.deed == NF_DEED_DROP || e.deed == NF_DEED_ACCEPT || !back)
			return false;
	}
	return true;
}

static bool is_on_the_way(const struct nf_chain *c, bool v4)
{
	return c->is_base && !c->is_nat && nf_family_is(c->family, v4) &&
	       (c->hook == NF_INET_LOCAL_OUT ||
		c->hook == NF_INET_POST_ROUTING);
}

unsigned int nf_ruleset_rewrites(const struct nf_ruleset *s,
				 const struct nf_asked *asked,
				 struct nf_rewrite *ret)
{
	struct walk w = { .s = s, .ret = ret, .left = VISITS_MAX };
	size_t i;

	*ret = (struct nf_rewrite){};
	w.p = (struct nf_probe){ .packet = NF_SYN_ACK,
				 .v4 = asked->v4,
				 .addr = asked->addr,
				 .port = asked->port,
				 .iface = asked->iface,
				 .ct_state = NF_CT_ESTABLISHED,
				 .sets = &s->sets };
	for (i = 0; i < s->n_chains; i++)
		if (is_on_the_way(&s->chains[i], asked->v4))
			walk_chain(&w, i, true, 1);
	return VISITS_MAX - w.left;
}
