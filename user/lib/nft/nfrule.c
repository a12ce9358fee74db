/* SPDX-License-Identifier: GPL-2.0-only */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "nfrule.h"
#include "nfxt.h"

enum { REGISTERS = 20, WORDS_PER_REGISTER = 4 };

/* What a register holds. */
enum held {
	HELD_UNKNOWN,
	HELD_FAMILY,
	HELD_PROTOCOL,
	HELD_PORT,
	HELD_ADDR4,
	HELD_ADDR6,
	HELD_IFACE, /* or whether the destination is local */
};

struct parse {
	struct nf_rule *rule;
	__u8 held[REGISTERS]; /* by 32-bit register */
	int err;
};

/* An expression's attributes by number, up to the highest in use. */
enum { ATTRS_MAX = 12 };
struct expr {
	const struct nlattr *attrs[ATTRS_MAX];
};

static const struct nlattr *attr_in(const struct nlattr *nest,
				    unsigned int type)
{
	const struct nlattr *a;

	if (nest)
		mnl_attr_for_each_nested (a, nest)
			if (mnl_attr_get_type(a) == type)
				return a;
	return NULL;
}

static __u32 attr_be32(const struct nlattr *a)
{
	__be32 value = 0;

	if (a && mnl_attr_get_payload_len(a) >= sizeof(value))
		memcpy(&value, mnl_attr_get_payload(a), sizeof(value));
	return ntohl(value);
}

/* The kernel numbers registers by 32 bits, or by 128 where aligned. */
static __u8 *held_in(struct parse *p, const struct nlattr *reg)
{
	static __u8 nowhere;
	__u32 n = attr_be32(reg);

	n = n < NFT_REG32_00 ? n * WORDS_PER_REGISTER
			     : n - NFT_REG32_00 + WORDS_PER_REGISTER;
	nowhere = HELD_UNKNOWN;
	return reg && n < REGISTERS ? &p->held[n] : &nowhere;
}

void nf_rule_acts(struct nf_rule *r, enum nf_action action)
{
	if (r->action != NF_NOTRACK)
		r->action = action;
}

static void is_protocol(struct nf_rule *r, __u8 protocol, bool equal)
{
	if ((protocol == IPPROTO_TCP) != equal)
		r->not_tcp = true;
}

static void is_family(struct nf_rule *r, __u8 family, bool equal)
{
	if (family == NFPROTO_IPV4)
		*(equal ? &r->not_v6 : &r->not_v4) = true;
	else if (family == NFPROTO_IPV6)
		*(equal ? &r->not_v4 : &r->not_v6) = true;
	else
		r->partial = true;
}

void nf_rule_limit_port(struct nf_rule *r, __u16 low, __u16 high)
{
	if (r->port.low < low)
		r->port.low = low;
	if (r->port.high > high)
		r->port.high = high;
}

static void is_port(struct nf_rule *r, __u16 port, __u32 op)
{
	if (op == NFT_CMP_EQ)
		nf_rule_limit_port(r, port, port);
	else if (op == NFT_CMP_GTE)
		nf_rule_limit_port(r, port, 0xffff);
	else if (op == NFT_CMP_LTE)
		nf_rule_limit_port(r, 0, port);
	else
		r->partial = true;
}

static void is_addr(struct nf_rule *r, const void *addr, bool v4)
{
	if (r->has_addr)
		r->partial = true;
	r->has_addr = true;
	if (v4) {
		r->addr[2] = htonl(0xffff);
		memcpy(&r->addr[3], addr, 4);
	} else {
		memcpy(r->addr, addr, 16);
	}
}

static __u16 be16_at(const void *at)
{
	__be16 value;

	memcpy(&value, at, sizeof(value));
	return ntohs(value);
}

static void on_cmp(struct parse *p, const struct expr *e)
{
	const struct nlattr *value =
		attr_in(e->attrs[NFTA_CMP_DATA], NFTA_DATA_VALUE);
	__u32 op = attr_be32(e->attrs[NFTA_CMP_OP]);
	enum held held = *held_in(p, e->attrs[NFTA_CMP_SREG]);
	bool ordered = op != NFT_CMP_EQ && op != NFT_CMP_NEQ;
	size_t len = value ? mnl_attr_get_payload_len(value) : 0;
	const void *at = value ? mnl_attr_get_payload(value) : NULL;
	struct nf_rule *r = p->rule;

	if (held == HELD_IFACE)
		r->by_iface = true;
	else if (held == HELD_PROTOCOL && len && !ordered)
		is_protocol(r, *(const __u8 *)at, op == NFT_CMP_EQ);
	else if (held == HELD_FAMILY && len && !ordered)
		is_family(r, *(const __u8 *)at, op == NFT_CMP_EQ);
	else if (held == HELD_PORT && len == 2)
		is_port(r, be16_at(at), op);
	else if (held == HELD_ADDR4 && len == 4 && op == NFT_CMP_EQ)
		is_addr(r, at, true);
	else if (held == HELD_ADDR6 && len == 16 && op == NFT_CMP_EQ)
		is_addr(r, at, false);
	else
		r->partial = true;
}

static void on_range(struct parse *p, const struct expr *e)
{
	const struct nlattr *from =
		attr_in(e->attrs[NFTA_RANGE_FROM_DATA], NFTA_DATA_VALUE);
	const struct nlattr *to =
		attr_in(e->attrs[NFTA_RANGE_TO_DATA], NFTA_DATA_VALUE);

	if (*held_in(p, e->attrs[NFTA_RANGE_SREG]) != HELD_PORT || !from ||
	    !to || mnl_attr_get_payload_len(from) != 2 ||
	    mnl_attr_get_payload_len(to) != 2 ||
	    attr_be32(e->attrs[NFTA_RANGE_OP]) != NFT_RANGE_EQ) {
		p->rule->partial = true;
		return;
	}
	nf_rule_limit_port(p->rule, be16_at(mnl_attr_get_payload(from)),
			   be16_at(mnl_attr_get_payload(to)));
}

/*
 * Only anonymous sets ("__set0") are read: they never change. The keys of a map
 * are a set as well.
 */
static void on_lookup(struct parse *p, const struct expr *e)
{
	const struct nlattr *set = e->attrs[NFTA_LOOKUP_SET];
	const struct nlattr *dreg = e->attrs[NFTA_LOOKUP_DREG];
	enum held held = *held_in(p, e->attrs[NFTA_LOOKUP_SREG]);
	struct nf_rule *r = p->rule;

	if (dreg && attr_be32(dreg) == NFT_REG_VERDICT)
		nf_rule_acts(r, NF_UNKNOWN);
	else
		*held_in(p, dreg) = HELD_UNKNOWN;
	if (held == HELD_IFACE) {
		r->by_iface = true;
		return;
	}
	if (!set || held != HELD_PORT || r->set ||
	    attr_be32(e->attrs[NFTA_LOOKUP_FLAGS]) & NFT_LOOKUP_F_INV ||
	    strncmp(mnl_attr_get_str(set), "__", 2)) {
		r->partial = true;
		return;
	}
	r->set = strdup(mnl_attr_get_str(set));
	if (!r->set)
		p->err = -ENOMEM;
}

static void on_meta(struct parse *p, const struct expr *e)
{
	static const __u8 held[] = {
		[NFT_META_IIF] = HELD_IFACE,
		[NFT_META_IIFNAME] = HELD_IFACE,
		[NFT_META_IIFTYPE] = HELD_IFACE,
		[NFT_META_NFPROTO] = HELD_FAMILY,
		[NFT_META_L4PROTO] = HELD_PROTOCOL,
	};
	__u32 key = attr_be32(e->attrs[NFTA_META_KEY]);

	*held_in(p, e->attrs[NFTA_META_DREG]) =
		key < sizeof(held) ? held[key] : HELD_UNKNOWN;
}

static void on_payload(struct parse *p, const struct expr *e)
{
	static const struct {
		__u32 base, offset, len;
		enum held held;
	} fields[] = {
		{ NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, HELD_PORT },
		{ NFT_PAYLOAD_NETWORK_HEADER, 9, 1, HELD_PROTOCOL },
		{ NFT_PAYLOAD_NETWORK_HEADER, 16, 4, HELD_ADDR4 },
		{ NFT_PAYLOAD_NETWORK_HEADER, 24, 16, HELD_ADDR6 },
	};
	__u8 *held = held_in(p, e->attrs[NFTA_PAYLOAD_DREG]);
	size_t i;

	*held = HELD_UNKNOWN;
	for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (attr_be32(e->attrs[NFTA_PAYLOAD_BASE]) == fields[i].base &&
		    attr_be32(e->attrs[NFTA_PAYLOAD_OFFSET]) ==
			    fields[i].offset &&
		    attr_be32(e->attrs[NFTA_PAYLOAD_LEN]) == fields[i].len)
			*held = fields[i].held;
}

static void on_verdict(struct parse *p, const struct nlattr *verdict)
{
	const struct nlattr *chain = attr_in(verdict, NFTA_VERDICT_CHAIN);
	struct nf_rule *r = p->rule;

	switch ((int)attr_be32(attr_in(verdict, NFTA_VERDICT_CODE))) {
	case NF_DROP:
		nf_rule_acts(r, NF_DROPS);
		return;
	case NF_ACCEPT:
		nf_rule_acts(r, NF_ACCEPTS);
		return;
	case NFT_RETURN:
		nf_rule_acts(r, NF_RETURNS);
		return;
	case NFT_CONTINUE:
		return;
	case NFT_JUMP:
		nf_rule_acts(r, NF_JUMPS);
		break;
	case NFT_GOTO:
		nf_rule_acts(r, NF_GOES);
		break;
	default:
		nf_rule_acts(r, NF_UNKNOWN);
		return;
	}
	free(r->target);
	r->target = chain ? strdup(mnl_attr_get_str(chain)) : NULL;
	if (!r->target)
		p->err = -ENOMEM;
}

static void on_immediate(struct parse *p, const struct expr *e)
{
	const struct nlattr *data = e->attrs[NFTA_IMMEDIATE_DATA];

	if (attr_be32(e->attrs[NFTA_IMMEDIATE_DREG]) == NFT_REG_VERDICT)
		on_verdict(p, attr_in(data, NFTA_DATA_VERDICT));
	else
		*held_in(p, e->attrs[NFTA_IMMEDIATE_DREG]) = HELD_UNKNOWN;
}

static void on_bitwise(struct parse *p, const struct expr *e)
{
	/* a masked interface name is still a condition on the interface */
	*held_in(p, e->attrs[NFTA_BITWISE_DREG]) =
		*held_in(p, e->attrs[NFTA_BITWISE_SREG]) == HELD_IFACE
			? HELD_IFACE
			: HELD_UNKNOWN;
}

static void on_ct(struct parse *p, const struct expr *e)
{
	p->rule->tracks = true;
	*held_in(p, e->attrs[NFTA_CT_DREG]) = HELD_UNKNOWN;
}

static void on_fib(struct parse *p, const struct expr *e)
{
	*held_in(p, e->attrs[NFTA_FIB_DREG]) = HELD_IFACE;
}

static void on_nat(struct parse *p, const struct expr *e)
{
	p->rule->tracks = true;
	nf_rule_acts(p->rule, attr_be32(e->attrs[NFTA_NAT_TYPE]) == NFT_NAT_DNAT
				      ? NF_REDIRECT
				      : NF_ACCEPTS);
}

static void on_target(struct parse *p, const struct expr *e)
{
	const struct nlattr *name = e->attrs[NFTA_TARGET_NAME];
	const struct nlattr *info = e->attrs[NFTA_TARGET_INFO];

	nf_xt_target(p->rule, name ? mnl_attr_get_str(name) : "",
		     info ? mnl_attr_get_payload(info) : NULL,
		     info ? mnl_attr_get_payload_len(info) : 0);
}

static void on_match(struct parse *p, const struct expr *e)
{
	const struct nlattr *name = e->attrs[NFTA_MATCH_NAME];
	const struct nlattr *info = e->attrs[NFTA_MATCH_INFO];

	nf_xt_match(p->rule, name ? mnl_attr_get_str(name) : "",
		    info ? mnl_attr_get_payload(info) : NULL,
		    info ? mnl_attr_get_payload_len(info) : 0);
}

static const struct known {
	const char *name;
	void (*on)(struct parse *p, const struct expr *e);
	enum nf_action action;
	bool tracks, partial;
} known[] = {
	{ "cmp", on_cmp },
	{ "range", on_range },
	{ "lookup", on_lookup },
	{ "meta", on_meta },
	{ "payload", on_payload },
	{ "immediate", on_immediate },
	{ "bitwise", on_bitwise },
	{ "ct", on_ct },
	{ "fib", on_fib },
	{ "nat", on_nat },
	{ "target", on_target },
	{ "match", on_match },
	{ "redir", .action = NF_REDIRECT, .tracks = true },
	{ "masq", .action = NF_ACCEPTS, .tracks = true },
	{ "notrack", .action = NF_NOTRACK },
	{ "reject", .action = NF_DROPS },
	{ "queue", .action = NF_UNKNOWN },
	{ "synproxy", .tracks = true, .partial = true },
	{ "connlimit", .tracks = true, .partial = true },
	{ "flow_offload", .tracks = true, .partial = true },
	{ "counter" },
	{ "log" },
	{ "last" },
	{ NULL, .partial = true }, /* any other */
};

static void on_expr(struct parse *p, const struct nlattr *elem)
{
	const struct nlattr *name = attr_in(elem, NFTA_EXPR_NAME);
	const struct nlattr *data = attr_in(elem, NFTA_EXPR_DATA), *a;
	const struct known *k = known;
	struct expr e = {};

	if (data)
		mnl_attr_for_each_nested (a, data)
			if (mnl_attr_get_type(a) < ATTRS_MAX)
				e.attrs[mnl_attr_get_type(a)] = a;
	while (k->name && (!name || strcmp(mnl_attr_get_str(name), k->name)))
		k++;
	if (k->on)
		k->on(p, &e);
	if (k->action)
		nf_rule_acts(p->rule, k->action);
	p->rule->tracks = p->rule->tracks || k->tracks;
	p->rule->partial = p->rule->partial || k->partial;
}

int nf_rule_parse(const struct nlattr *expressions, struct nf_rule *ret)
{
	struct parse p = { .rule = ret };
	const struct nlattr *elem;

	*ret = (struct nf_rule){ .port = { 0, 0xffff } };
	if (expressions)
		mnl_attr_for_each_nested (elem, expressions)
			on_expr(&p, elem);
	return p.err;
}

void nf_rule_free(struct nf_rule *r)
{
	free(r->ports);
	free(r->set);
	free(r->target);
}
