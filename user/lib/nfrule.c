/* SPDX-License-Identifier: GPL-2.0-only */
/* Theory of operation: see nfrule.h. */
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

/* One expression: its attributes by number, up to the highest looked at. */
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

/* The kernel names a register by 32 bits, or by 128 where it can. */
static __u8 *held_in(struct parse *p, const struct nlattr *reg)
{
	static __u8 nowhere;
	__u32 n = attr_be32(reg);

	n = n < NFT_REG32_00 ? n * WORDS_PER_REGISTER
			     : n - NFT_REG32_00 + WORDS_PER_REGISTER;
	nowhere = HELD_UNKNOWN;
	return reg && n < REGISTERS ? &p->held[n] : &nowhere;
}

/* What follows notrack in its rule does not take it back. */
static void acts(struct nf_rule *r, enum nf_action action)
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

static void port_at_least(struct nf_rule *r, __u16 port)
{
	if (r->port.low < port)
		r->port.low = port;
}

static void port_at_most(struct nf_rule *r, __u16 port)
{
	if (r->port.high > port)
		r->port.high = port;
}

static void is_port(struct nf_rule *r, __u16 port, __u32 op)
{
	if (op == NFT_CMP_EQ || op == NFT_CMP_GTE)
		port_at_least(r, port);
	if (op == NFT_CMP_EQ || op == NFT_CMP_LTE)
		port_at_most(r, port);
	if (op != NFT_CMP_EQ && op != NFT_CMP_GTE && op != NFT_CMP_LTE)
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
	port_at_least(p->rule, be16_at(mnl_attr_get_payload(from)));
	port_at_most(p->rule, be16_at(mnl_attr_get_payload(to)));
}

/* Sets without a name of their own do not change; a map's keys are one, too. */
static void on_lookup(struct parse *p, const struct expr *e)
{
	const struct nlattr *set = e->attrs[NFTA_LOOKUP_SET];
	const struct nlattr *dreg = e->attrs[NFTA_LOOKUP_DREG];
	enum held held = *held_in(p, e->attrs[NFTA_LOOKUP_SREG]);
	struct nf_rule *r = p->rule;

	if (dreg && attr_be32(dreg) == NFT_REG_VERDICT)
		acts(r, NF_UNKNOWN);
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
		acts(r, NF_DROPS);
		return;
	case NF_ACCEPT:
		acts(r, NF_ACCEPTS);
		return;
	case NFT_RETURN:
		acts(r, NF_RETURNS);
		return;
	case NFT_CONTINUE:
		return;
	case NFT_JUMP:
		acts(r, NF_JUMPS);
		break;
	case NFT_GOTO:
		acts(r, NF_GOES);
		break;
	default:
		acts(r, NF_UNKNOWN);
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
	/* the interface's name, masked, is still about the interface */
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
	acts(p->rule, attr_be32(e->attrs[NFTA_NAT_TYPE]) == NFT_NAT_DNAT
			      ? NF_REDIRECT
			      : NF_ACCEPTS);
}

static void on_redir(struct parse *p, const struct expr *e)
{
	(void)e;
	p->rule->tracks = true;
	acts(p->rule, NF_REDIRECT);
}

static void on_masq(struct parse *p, const struct expr *e)
{
	(void)e;
	p->rule->tracks = true;
	acts(p->rule, NF_ACCEPTS);
}

static void on_notrack(struct parse *p, const struct expr *e)
{
	(void)e;
	acts(p->rule, NF_NOTRACK);
}

static void on_reject(struct parse *p, const struct expr *e)
{
	(void)e;
	acts(p->rule, NF_DROPS);
}

/* Whatever else they do, they make the kernel track. */
static void on_tracker(struct parse *p, const struct expr *e)
{
	(void)e;
	p->rule->tracks = true;
	p->rule->partial = true;
}

static void on_queue(struct parse *p, const struct expr *e)
{
	(void)e;
	acts(p->rule, NF_UNKNOWN);
}

static void on_harmless(struct parse *p, const struct expr *e)
{
	(void)p;
	(void)e;
}

static bool is_one_of(const char *name, const char *const *list)
{
	while (*list && strcmp(name, *list))
		list++;
	return *list;
}

/* xt_CT.h's flag, at the beginning of what all its revisions have. */
enum { CT_NOTRACK = 1 << 0 };

static void on_target(struct parse *p, const struct expr *e)
{
	static const char *const redirects[] = { "DNAT", "REDIRECT", "NETMAP",
						 NULL };
	static const char *const ends[] = { "SNAT", "MASQUERADE", "SYNPROXY",
					    NULL };
	static const char *const harmless[] = { "LOG", "NFLOG", "MARK", "TRACE",
						NULL };
	const struct nlattr *name = e->attrs[NFTA_TARGET_NAME];
	const struct nlattr *info = e->attrs[NFTA_TARGET_INFO];
	const char *text = name ? mnl_attr_get_str(name) : "";
	struct nf_rule *r = p->rule;
	__u16 flags = 0;

	if (info && mnl_attr_get_payload_len(info) >= sizeof(flags))
		memcpy(&flags, mnl_attr_get_payload(info), sizeof(flags));
	if (!strcmp(text, "NOTRACK") ||
	    (!strcmp(text, "CT") && flags & CT_NOTRACK)) {
		acts(r, NF_NOTRACK);
	} else if (!strcmp(text, "CT") || !strcmp(text, "CONNMARK") ||
		   !strcmp(text, "CONNSECMARK")) {
		r->tracks = true;
	} else if (is_one_of(text, redirects)) {
		r->tracks = true;
		acts(r, NF_REDIRECT);
	} else if (is_one_of(text, ends)) {
		r->tracks = true;
		acts(r, NF_ACCEPTS);
	} else if (!is_one_of(text, harmless)) {
		acts(r, NF_UNKNOWN);
	}
}

/* As in linux/netfilter/xt_tcpudp.h. */
struct match_tcp {
	__u16 source[2], dest[2];
	__u8 option, flag_mask, flag_cmp, inverted;
};

static void on_match(struct parse *p, const struct expr *e)
{
	static const char *const trackers[] = {
		"conntrack", "state",  "connmark", "connbytes", "connlimit",
		"connlabel", "helper", "cluster",  NULL
	};
	const struct nlattr *name = e->attrs[NFTA_MATCH_NAME];
	const struct nlattr *info = e->attrs[NFTA_MATCH_INFO];
	const char *text = name ? mnl_attr_get_str(name) : "";
	struct nf_rule *r = p->rule;
	struct match_tcp tcp;

	if (!strcmp(text, "comment"))
		return;
	if (!strcmp(text, "addrtype")) {
		r->by_iface = true;
		return;
	}
	r->tracks = r->tracks || is_one_of(text, trackers);
	if (strcmp(text, "tcp") || !info ||
	    mnl_attr_get_payload_len(info) < sizeof(tcp)) {
		r->partial = true;
		return;
	}
	memcpy(&tcp, mnl_attr_get_payload(info), sizeof(tcp));
	if (tcp.source[0] || tcp.source[1] != 0xffff || tcp.option ||
	    tcp.flag_mask || tcp.inverted)
		r->partial = true;
	if (!tcp.inverted) {
		port_at_least(r, tcp.dest[0]);
		port_at_most(r, tcp.dest[1]);
	}
}

static const struct {
	const char *name;
	void (*on)(struct parse *p, const struct expr *e);
} expressions_known[] = {
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
	{ "redir", on_redir },
	{ "masq", on_masq },
	{ "notrack", on_notrack },
	{ "reject", on_reject },
	{ "synproxy", on_tracker },
	{ "connlimit", on_tracker },
	{ "flow_offload", on_tracker },
	{ "queue", on_queue },
	{ "target", on_target },
	{ "match", on_match },
	{ "counter", on_harmless },
	{ "log", on_harmless },
	{ "last", on_harmless },
};

static void on_expr(struct parse *p, const struct nlattr *elem)
{
	const struct nlattr *name = attr_in(elem, NFTA_EXPR_NAME);
	const struct nlattr *data = attr_in(elem, NFTA_EXPR_DATA), *a;
	struct expr e = {};
	size_t i;

	if (!name)
		return;
	if (data)
		mnl_attr_for_each_nested (a, data)
			if (mnl_attr_get_type(a) < ATTRS_MAX)
				e.attrs[mnl_attr_get_type(a)] = a;
	for (i = 0;
	     i < sizeof(expressions_known) / sizeof(expressions_known[0]); i++)
		if (!strcmp(mnl_attr_get_str(name),
			    expressions_known[i].name)) {
			expressions_known[i].on(p, &e);
			return;
		}
	p->rule->partial = true;
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
