/* SPDX-License-Identifier: GPL-2.0-only */
#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "nfjudge.h"
#include "nftext.h"

enum { VISITS_MAX = 16384 };

/* Can it be here? And did it come here by something that is not sure? */
struct live {
	bool syn, ack;
	bool unsure;
	bool ack_maybe; /* it is possible that the ACK did not come here */
};

struct walk {
	const struct nf_ruleset *s;
	struct nf_probe syn, ack;
	struct nf_judgement *j;
	__u32 syn_state, ack_state; /* behind connection tracking */
	unsigned int left;	    /* rules to visit */
	bool cut;		    /* there were more */
	/* in this base chain: */
	size_t first;	       /* of its findings */
	bool syn_may, ack_may; /* be accepted */
	bool ack_did;	       /* it is accepted, whatever it is */
	long refused_by;
};

static const char *family_name(__u8 family)
{
	switch (family) {
	case NFPROTO_IPV4:
		return "ip";
	case NFPROTO_IPV6:
		return "ip6";
	case NFPROTO_NETDEV:
		return "netdev";
	default:
		return "inet";
	}
}

static void claim(struct walk *w, enum nf_kind kind, const struct nf_chain *c,
		  long rule, bool sure)
{
	struct nf_judgement *j = w->j;
	size_t i;

	for (i = 0; i < j->n; i++)
		if (j->found[i].chain == c && j->found[i].rule == rule) {
			j->found[i].sure |= sure;
			return;
		}
	if (j->n < NF_FOUND_MAX)
		j->found[j->n++] = (struct nf_found){
			.kind = kind,
			.sure = sure,
			.chain = c,
			.rule = rule,
			.confirmed = w->ack_did || kind != NF_KIND_BYPASSED,
		};
}

static void accept_ack(struct walk *w, bool always)
{
	size_t i;

	for (i = w->first; i < w->j->n; i++)
		w->j->found[i].confirmed = true;
	w->ack_may = true;
	w->ack_did = w->ack_did || always;
}

static struct live walk_chain(struct walk *w, size_t chain, struct live l,
			      int depth);

struct step {
	size_t rule;
	struct nf_effect syn, ack;
	bool unsure;
};

static void on_refusal(struct walk *w, const struct step *t, struct live *l)
{
	const struct nf_chain *c = &w->s->chains[w->s->chain_of[t->rule]];

	if (t->syn.odds && !t->ack.odds)
		claim(w, NF_KIND_BYPASSED, c, (long)t->rule, !t->unsure);
	if (t->syn.odds == NF_ALWAYS)
		l->syn = false;
	if (t->ack.odds)
		w->refused_by = (long)t->rule;
	if (t->ack.odds == NF_ALWAYS)
		l->ack = false;
}

static void on_accept(struct walk *w, const struct step *t, struct live *l)
{
	if (t->syn.odds)
		w->syn_may = true;
	if (t->ack.odds)
		accept_ack(w, t->ack.odds == NF_ALWAYS && !l->ack_maybe);
	if (t->syn.odds == NF_ALWAYS)
		l->syn = false;
	if (t->ack.odds == NF_ALWAYS)
		l->ack = false;
}

static struct live live_there(const struct step *t, const struct live *l)
{
	return (struct live){ t->syn.odds, t->ack.odds, t->unsure,
			      l->ack_maybe || t->ack.odds != NF_ALWAYS };
}

/* Whoever certainly went there is here only if it comes back. */
static void on_jump(struct walk *w, const struct step *t, size_t to,
		    struct live *l, int depth)
{
	struct live there = live_there(t, l);

	there = walk_chain(w, to, there, depth + 1);
	if (t->syn.odds == NF_ALWAYS)
		l->syn = there.syn;
	if (t->ack.odds == NF_ALWAYS)
		l->ack = there.ack;
}

static void on_goto(struct walk *w, const struct step *t, size_t to,
		    struct live *l, struct live *out, int depth)
{
	struct live there = live_there(t, l);

	there = walk_chain(w, to, there, depth + 1);
	out->syn |= there.syn;
	out->ack |= there.ack;
	if (t->syn.odds == NF_ALWAYS)
		l->syn = false;
	if (t->ack.odds == NF_ALWAYS)
		l->ack = false;
}

static void on_return(const struct step *t, struct live *l, struct live *out)
{
	out->syn |= !!t->syn.odds;
	out->ack |= !!t->ack.odds;
	if (t->syn.odds == NF_ALWAYS)
		l->syn = false;
	if (t->ack.odds == NF_ALWAYS)
		l->ack = false;
}

static size_t chain_named(const struct nf_ruleset *s, size_t from,
			  const char *target)
{
	const struct nf_chain *c = &s->chains[from];

	return nf_ruleset_chain(s, c->family, c->table, target);
}

static void on_rule(struct walk *w, const struct step *t, struct live *l,
		    struct live *out, int depth)
{
	size_t chain = w->s->chain_of[t->rule];
	const struct nf_chain *c = &w->s->chains[chain];
	const struct nf_effect *e = t->syn.odds ? &t->syn : &t->ack;

	switch (e->deed) {
	case NF_DEED_NONE:
		break;
	case NF_DEED_DROP:
		on_refusal(w, t, l);
		break;
	case NF_DEED_ACCEPT:
		on_accept(w, t, l);
		break;
	case NF_DEED_RETURN:
		on_return(t, l, out);
		break;
	case NF_DEED_JUMP:
		on_jump(w, t, chain_named(w->s, chain, e->target), l, depth);
		break;
	case NF_DEED_GOTO:
		on_goto(w, t, chain_named(w->s, chain, e->target), l, out,
			depth);
		break;
	case NF_DEED_SYNPROXY:
		if (t->syn.odds)
			claim(w, NF_KIND_SYNPROXY, c, (long)t->rule,
			      !t->unsure);
		on_refusal(w, t, l);
		break;
	case NF_DEED_TPROXY:
	case NF_DEED_TPROXY_ENDS:
		if (t->syn.odds)
			claim(w, NF_KIND_TPROXY, c, (long)t->rule, !t->unsure);
		if (e->deed == NF_DEED_TPROXY_ENDS)
			on_accept(w, t, l);
		break;
	}
}

/* A verdict map may send the two packets to different places. */
static void step(struct walk *w, const struct step *t, struct live *l,
		 struct live *out, int depth)
{
	struct step one = *t, other = *t;
	bool same = t->syn.deed == t->ack.deed &&
		    (!t->syn.target || !t->ack.target ||
		     !strcmp(t->syn.target, t->ack.target));

	if (same || !t->syn.odds || !t->ack.odds) {
		on_rule(w, t, l, out, depth);
		return;
	}
	one.ack.odds = NF_NEVER;
	other.syn.odds = NF_NEVER;
	on_rule(w, &one, l, out, depth);
	on_rule(w, &other, l, out, depth);
}

static struct nf_effect probe(struct walk *w, struct nf_probe *p, size_t i,
			      bool live)
{
	const struct nf_chain *c = &w->s->chains[w->s->chain_of[i]];

	if (!live)
		return (struct nf_effect){ .odds = NF_NEVER };
	p->family = c->family;
	p->table = c->table;
	return nf_probe_rule(p, w->s->rules[i].expressions);
}

/* Returns who may come to its end, or return from it. */
static struct live walk_chain(struct walk *w, size_t chain, struct live l,
			      int depth)
{
	struct live out = {};
	size_t i, end;

	if (chain == SIZE_MAX || depth > NF_DEPTH_MAX) {
		w->cut = true;
		return l;
	}
	i = w->s->chains[chain].first;
	for (end = i + w->s->chains[chain].n; i < end && (l.syn || l.ack);
	     i++) {
		struct step t = { .rule = i };

		if (!w->left) {
			w->cut = true;
			break;
		}
		w->left--;
		t.syn = probe(w, &w->syn, i, l.syn);
		t.ack = probe(w, &w->ack, i, l.ack);
		t.unsure = l.unsure || t.syn.unsure;
		step(w, &t, &l, &out, depth);
	}
	l.syn |= out.syn;
	l.ack |= out.ack;
	return l;
}

static bool is_on_the_way(const struct nf_chain *c, const struct nf_asked *a)
{
	char device[64];

	if (!c->is_base || c->is_nat)
		return false;
	if (c->family == NFPROTO_NETDEV ||
	    (c->family == NFPROTO_INET && c->hook == NF_INET_INGRESS)) {
		if (c->hook != (c->family == NFPROTO_NETDEV
					? (__u32)NF_NETDEV_INGRESS
					: (__u32)NF_INET_INGRESS))
			return false;
		if (!a->iface || !c->devices)
			return true;
		snprintf(device, sizeof(device), "\n%s\n", a->iface);
		return strstr(c->devices, device);
	}
	return nf_family_is(c->family, a->v4) &&
	       (c->hook == NF_INET_PRE_ROUTING || c->hook == NF_INET_LOCAL_IN);
}

static bool is_before_conntrack(const struct nf_chain *c)
{
	return c->family == NFPROTO_NETDEV || c->hook == NF_INET_INGRESS ||
	       (c->hook == NF_INET_PRE_ROUTING &&
		c->priority <= NF_IP_PRI_CONNTRACK);
}

/*
 * As SYN proxies are set up, only SYNs are exempt from tracking. Looked for in
 * base chains alone.
 */
static bool is_exempt(struct walk *w, struct nf_probe *p,
		      const struct nf_asked *asked)
{
	const struct nf_ruleset *s = w->s;
	size_t i, k;

	for (i = 0; i < s->n_chains; i++) {
		const struct nf_chain *c = &s->chains[i];

		if (!is_on_the_way(c, asked) || !is_before_conntrack(c))
			continue;
		for (k = c->first; k < c->first + c->n && w->left; k++) {
			struct nf_effect e = probe(w, p, k, true);

			w->left--;
			if (e.notracks && e.odds == NF_ALWAYS)
				return true;
		}
	}
	return false;
}

static void walk_base(struct walk *w, const struct nf_chain *c)
{
	struct live l = { true, true, false, false };

	w->first = w->j->n;
	w->syn_may = w->ack_may = w->ack_did = false;
	w->refused_by = NF_POLICY;
	w->syn.ct_state = w->syn_state;
	w->ack.ct_state = w->ack_state;
	if (is_before_conntrack(c))
		w->syn.ct_state = w->ack.ct_state = NF_CT_INVALID;
	l = walk_chain(w, (size_t)(c - w->s->chains), l, 1);
	if (l.syn && c->drops && !l.ack)
		claim(w, NF_KIND_BYPASSED, c, NF_POLICY, !l.unsure);
	w->syn_may |= l.syn && !c->drops;
	if (l.ack && !c->drops)
		accept_ack(w, true);
}

/* Where no ACK passes, and a SYN does, clients hang. */
static void note_refusal(struct walk *w, const struct nf_chain *c,
			 bool *syn_passes)
{
	if (!w->syn_may && !w->cut)
		*syn_passes = false;
	if (!w->ack_may && !w->cut && !w->j->refuses) {
		w->j->refuses = c;
		w->j->refused_by = w->refused_by;
	}
}

static void keep_confirmed(struct nf_judgement *j)
{
	size_t i, n = 0;

	for (i = 0; i < j->n; i++)
		if (j->found[i].kind != NF_KIND_BYPASSED ||
		    (j->found[i].confirmed && !j->refuses))
			j->found[n++] = j->found[i];
	j->n = n;
}

void nf_ruleset_judge(const struct nf_ruleset *s, const struct nf_asked *asked,
		      bool loose, struct nf_judgement *ret)
{
	const struct nf_packet packet = { asked->v4, asked->addr,
					  ntohs(asked->port) };
	bool untracked = nf_ruleset_untracked(s, &packet), syn_passes = true;
	struct walk w = { .s = s, .j = ret };
	size_t i;

	*ret = (struct nf_judgement){};
	w.left = VISITS_MAX;
	w.syn = (struct nf_probe){ .v4 = asked->v4,
				   .addr = asked->addr,
				   .port = asked->port,
				   .iface = asked->iface,
				   .sets = &s->sets };
	w.ack = w.syn;
	w.ack.packet = NF_ACK;
	w.syn_state = untracked || is_exempt(&w, &w.syn, asked)
			      ? NF_CT_UNTRACKED
			      : NF_CT_NEW;
	w.ack_state = untracked || is_exempt(&w, &w.ack, asked)
			      ? NF_CT_UNTRACKED
		      : loose ? NF_CT_NEW
			      : NF_CT_INVALID;
	for (i = 0; i < s->n_chains && !w.cut; i++)
		if (is_on_the_way(&s->chains[i], asked)) {
			walk_base(&w, &s->chains[i]);
			note_refusal(&w, &s->chains[i], &syn_passes);
		}
	keep_confirmed(ret);
	if (!syn_passes || w.cut)
		ret->refuses = NULL;
	ret->visits = VISITS_MAX - w.left;
}

const char *nf_found_text(const struct nf_ruleset *s, const struct nf_chain *c,
			  long rule, char *buf, size_t size)
{
	char words[128];

	if (rule == NF_POLICY)
		snprintf(buf, size, "%s %s %s: policy drop",
			 family_name(c->family), c->table, c->name);
	else
		snprintf(buf, size, "%s %s %s handle %llu: %s",
			 family_name(s->chains[s->chain_of[rule]].family),
			 s->chains[s->chain_of[rule]].table,
			 s->chains[s->chain_of[rule]].name,
			 (unsigned long long)s->rules[rule].handle,
			 nftext_rule(s->rules[rule].expressions, words,
				     sizeof(words)));
	return buf;
}
