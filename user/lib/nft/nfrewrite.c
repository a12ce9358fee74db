/* SPDX-License-Identifier: GPL-2.0-only */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <string.h>

#include "nfregs.h"
#include "nfrewrite.h"

enum { DEPTH_MAX = 16, VISITS_MAX = 4096 };

/* nft_exthdr_tcp_set_eval() (net/netfilter/nft_exthdr.c) */
void nf_run_writes_option(struct nf_run *r, const struct nf_expr *e)
{
	const struct nlattr *kind = e->attrs[NFTA_EXTHDR_TYPE];
	struct nf_bits b = nf_run_get(r, e->attrs[NFTA_EXTHDR_SREG]);
	__be16 mss;

	if (nf_expr_be32(e->attrs[NFTA_EXTHDR_OP]) != NFT_EXTHDR_OP_TCPOPT ||
	    !kind || *(const __u8 *)mnl_attr_get_payload(kind) != TCPOPT_MAXSEG)
		return;
	if (!nf_bits_known(&b, sizeof(mss)))
		return; /* `rt mtu`: no less than what the route says anyway */
	memcpy(&mss, b.value, sizeof(mss));
	r->effect.rewrites.mss = ntohs(mss);
}

/*
 * nft writes a DSCP as the two bytes that hold it, or in IPv4 the one. Bits
 * that are not known are left as they were.
 */
void nf_run_writes_header(struct nf_run *r, const struct nf_expr *e)
{
	struct nf_bits b = nf_run_get(r, e->attrs[NFTA_PAYLOAD_SREG]);
	__u32 at = nf_expr_be32(e->attrs[NFTA_PAYLOAD_OFFSET]);
	__u32 len = nf_expr_be32(e->attrs[NFTA_PAYLOAD_LEN]);
	struct nf_rewrite *to = &r->effect.rewrites;
	int shift = r->p->v4 ? 0 : 4;
	__u32 value, known;

	if (nf_expr_be32(e->attrs[NFTA_PAYLOAD_BASE]) !=
		    NFT_PAYLOAD_NETWORK_HEADER ||
	    at + len != 2 || len > 2 || (len == 1 && !r->p->v4))
		return;
	value = (__u32)(b.value[0] << 8 | b.value[1]) >> 8 * at;
	known = (__u32)(b.known[0] << 8 | b.known[1]) >> 8 * at;
	to->tos_mask = (__u8)(known >> shift);
	to->tos = (__u8)(value >> shift) & to->tos_mask;
}

/* ---- the way out ---- */

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

	if (chain == SIZE_MAX || depth > DEPTH_MAX)
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
	w.p = (struct nf_probe){ .answer = true,
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
