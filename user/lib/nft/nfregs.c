/* SPDX-License-Identifier: GPL-2.0-only */
#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <net/if.h>
#include <string.h>

#include "nfregs.h"

enum { WORDS_PER_REGISTER = 4 };

const struct nlattr *nf_expr_attr(const struct nlattr *nest, unsigned int type)
{
	const struct nlattr *a;

	if (nest)
		mnl_attr_for_each_nested (a, nest)
			if (mnl_attr_get_type(a) == type)
				return a;
	return NULL;
}

__u32 nf_expr_be32(const struct nlattr *a)
{
	__be32 value = 0;

	if (a && mnl_attr_get_payload_len(a) >= sizeof(value))
		memcpy(&value, mnl_attr_get_payload(a), sizeof(value));
	return ntohl(value);
}

void nf_expr_read(const struct nlattr *elem, struct nf_expr *ret)
{
	const struct nlattr *name = nf_expr_attr(elem, NFTA_EXPR_NAME);
	const struct nlattr *data = nf_expr_attr(elem, NFTA_EXPR_DATA), *a;

	*ret = (struct nf_expr){ .name = name ? mnl_attr_get_str(name) : "" };
	if (data)
		mnl_attr_for_each_nested (a, data)
			if (mnl_attr_get_type(a) < NF_EXPR_ATTRS)
				ret->attrs[mnl_attr_get_type(a)] = a;
}

/* The kernel names a register by 32 bits, or by 128 where it can. */
static __u32 word_of(const struct nlattr *reg)
{
	__u32 n = nf_expr_be32(reg);

	n = n < NFT_REG32_00 ? n * WORDS_PER_REGISTER
			     : n - NFT_REG32_00 + WORDS_PER_REGISTER;
	return reg && n < NF_REGISTERS ? n : 0; /* 0: the verdict's, unused */
}

/* What is longer than a word covers the words behind. */
void nf_run_put(struct nf_run *r, const struct nlattr *reg,
		const struct nf_bits *b, size_t len)
{
	__u32 n = word_of(reg), i;

	r->regs[n] = *b;
	for (i = 1; i * 4 < len && n + i < NF_REGISTERS; i++)
		r->regs[n + i] = (struct nf_bits){ .unsure = b->unsure };
}

struct nf_bits nf_run_get(const struct nf_run *r, const struct nlattr *reg)
{
	return r->regs[word_of(reg)];
}

bool nf_bits_known(const struct nf_bits *b, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (b->known[i] != 0xff)
			return false;
	return true;
}

void nf_run_perhaps(struct nf_run *r, bool unsure)
{
	nf_effect_if(&r->effect, NF_PERHAPS);
	r->effect.unsure = r->effect.unsure || unsure;
}

void nf_run_unsure(struct nf_run *r)
{
	nf_run_perhaps(r, true);
}

static bool is_loopback(const void *name, size_t len)
{
	return len >= 2 && !memcmp(name, "lo", 2) &&
	       (len == 2 || !((const char *)name)[2]);
}

/*
 * A packet that comes by the interface may have a bridge or VLAN on top of it
 * as its own: only what names this one, or the loopback interface, is certain.
 */
static void compare_iface(struct nf_run *r, const struct nf_bits *b, bool equal,
			  const void *name, size_t len)
{
	bool same = b->value[0] && !memcmp(b->value, name, len);

	if (!same && !is_loopback(name, len))
		nf_run_perhaps(r, r->p->iface);
	else
		nf_effect_if(&r->effect, same == equal ? NF_ALWAYS : NF_NEVER);
}

static bool differs(const struct nf_bits *b, const __u8 *with, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if ((b->value[i] ^ with[i]) & b->known[i])
			return true;
	return false;
}

static bool is_ordered(__u32 op, int diff)
{
	switch (op) {
	case NFT_CMP_LT:
		return diff < 0;
	case NFT_CMP_LTE:
		return diff <= 0;
	case NFT_CMP_GT:
		return diff > 0;
	default:
		return diff >= 0;
	}
}

void nf_run_compare(struct nf_run *r, const struct nf_bits *b, __u32 op,
		    const void *with, size_t len)
{
	bool equality = op == NFT_CMP_EQ || op == NFT_CMP_NEQ, is;

	if (b->is_iface && equality) {
		compare_iface(r, b, op == NFT_CMP_EQ, with, len);
		return;
	}
	if (equality && differs(b, with, len)) {
		is = op == NFT_CMP_NEQ;
	} else if (!nf_bits_known(b, len)) {
		nf_run_perhaps(r, b->unsure);
		return;
	} else {
		is = equality ? op == NFT_CMP_EQ
			      : is_ordered(op, memcmp(b->value, with, len));
	}
	nf_effect_if(&r->effect, is ? NF_ALWAYS : NF_NEVER);
}

/* What leads to a proxy may accept then. */
void nf_run_does(struct nf_run *r, enum nf_deed deed)
{
	if (r->effect.deed != NF_DEED_TPROXY)
		r->effect.deed = deed;
	else if (deed == NF_DEED_ACCEPT)
		r->effect.deed = NF_DEED_TPROXY_ENDS;
}

void nf_run_verdict(struct nf_run *r, int code, const char *target)
{
	switch (code) {
	case NF_DROP:
		nf_run_does(r, NF_DEED_DROP);
		break;
	case NFT_CONTINUE:
		break;
	case NFT_RETURN:
		nf_run_does(r, NF_DEED_RETURN);
		break;
	case NFT_JUMP:
	case NFT_GOTO:
		nf_run_does(r, code == NFT_JUMP ? NF_DEED_JUMP : NF_DEED_GOTO);
		r->effect.target = target;
		break;
	default:
		nf_run_does(r, NF_DEED_ACCEPT);
	}
}

/* In a set, or a map's verdict or value. */
void nf_run_lookup(struct nf_run *r, const struct nf_expr *e)
{
	const struct nlattr *name = e->attrs[NFTA_LOOKUP_SET];
	const struct nlattr *dreg = e->attrs[NFTA_LOOKUP_DREG];
	struct nf_bits b = nf_run_get(r, e->attrs[NFTA_LOOKUP_SREG]);
	bool not = nf_expr_be32(e->attrs[NFTA_LOOKUP_FLAGS]) & NFT_LOOKUP_F_INV;
	const struct nf_element *elem;
	const struct nf_set *set;

	if (r->want && name && nf_bits_known(&b, 1))
		r->want(mnl_attr_get_str(name), r->data);
	if (dreg)
		nf_run_put(r, dreg, &(struct nf_bits){}, NF_BITS_MAX);
	set = name && r->p->table
		      ? nf_sets_find(r->p->sets, r->p->family, r->p->table,
				     mnl_attr_get_str(name))
		      : NULL;
	if (!set || set->unknown || !nf_bits_known(&b, set->key_len)) {
		nf_run_perhaps(r, b.unsure || (b.is_iface && r->p->iface));
		return;
	}
	elem = nf_set_lookup(set, b.value);
	if (b.is_iface && !elem) {
		nf_run_perhaps(r, r->p->iface);
		return;
	}
	nf_effect_if(&r->effect, !elem == not ? NF_ALWAYS : NF_NEVER);
	if (elem && elem->has_verdict)
		nf_run_verdict(r, elem->verdict, elem->chain);
}

/* ---- writes ---- */

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
