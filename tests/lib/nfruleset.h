/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: rulesets for unit/nfjudge: a row of tokens becomes the
 * netlink messages that the kernel would write for it.
 */
#ifndef NFRULESET_H
#define NFRULESET_H

#include "testmain.h"

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/nfnetlink.h>

#include "nft/nfjudge.h"

enum part {
	END,
	PORT,	 /* tcp dport == value */
	FLAGS,	 /* (tcp flags & FIN|SYN|RST|ACK) == value */
	NOT_SYN, /* != SYN */
	STATE,	 /* ct state & value */
	MAXSEG,	 /* tcp option maxseg size <= value */
	NO_MSS,	 /* tcp option maxseg missing */
	SOURCE,	 /* ip saddr == value */
	MARK,	 /* meta mark == value */
	IFACE,	 /* iifname == names[value] */
	LIMIT,
	OSF,
	UNKNOWN,
	XT, /* xt match names[value], without info */
	PROXY,
	SYNPROXY,
	REJECT,
	VERDICT, /* value */
	JUMP,	 /* to d */
	GOTO,
};

static const char *const names[] = { "eth0",	  "eth1", "lo",
				     "connlimit", "osf",  "strange" };
enum { ETH0, ETH1, LO, CONNLIMIT, XT_OSF, STRANGE };
enum { SYN = 2, ACK = 16, INVALID = 1, ESTABLISHED = 2, NEW = 8 };

struct token {
	enum part part;
	int value;
};

#define DROP                     \
	{                        \
		VERDICT, NF_DROP \
	}
#define ACCEPT                     \
	{                          \
		VERDICT, NF_ACCEPT \
	}
#define RETURN                      \
	{                           \
		VERDICT, NFT_RETURN \
	}

enum { RULES = 4, TOKENS = 6 };

struct row {
	const char *what;
	struct token c[RULES][TOKENS], d[RULES][TOKENS];
	bool drops;	  /* policy of c */
	bool strict;	  /* nf_conntrack_tcp_loose = 0 */
	int sure, unsure; /* findings */
	bool refuses;	  /* every ACK */
	const char *text; /* of the first */
};

/* ---- messages ---- */

static void put_u32(struct nlmsghdr *nlh, __u16 type, __u32 value)
{
	mnl_attr_put_u32(nlh, type, htonl(value));
}

static void put_data(struct nlmsghdr *nlh, __u16 type, const void *at,
		     size_t len)
{
	struct nlattr *nest = mnl_attr_nest_start(nlh, type);

	mnl_attr_put(nlh, NFTA_DATA_VALUE, len, at);
	mnl_attr_nest_end(nlh, nest);
}

struct open {
	struct nlattr *elem, *data;
};

static struct open begin(struct nlmsghdr *nlh, const char *name)
{
	struct open o = { .elem = mnl_attr_nest_start(nlh, NFTA_LIST_ELEM) };

	mnl_attr_put_strz(nlh, NFTA_EXPR_NAME, name);
	o.data = mnl_attr_nest_start(nlh, NFTA_EXPR_DATA);
	return o;
}

static void end(struct nlmsghdr *nlh, struct open o)
{
	mnl_attr_nest_end(nlh, o.data);
	mnl_attr_nest_end(nlh, o.elem);
}

static void put_bare(struct nlmsghdr *nlh, const char *name)
{
	end(nlh, begin(nlh, name));
}

static void put_load(struct nlmsghdr *nlh, __u32 base, __u32 at, __u32 len)
{
	struct open o = begin(nlh, "payload");

	put_u32(nlh, NFTA_PAYLOAD_DREG, NFT_REG_1);
	put_u32(nlh, NFTA_PAYLOAD_BASE, base);
	put_u32(nlh, NFTA_PAYLOAD_OFFSET, at);
	put_u32(nlh, NFTA_PAYLOAD_LEN, len);
	end(nlh, o);
}

static void put_meta(struct nlmsghdr *nlh, __u32 key)
{
	struct open o = begin(nlh, "meta");

	put_u32(nlh, NFTA_META_DREG, NFT_REG_1);
	put_u32(nlh, NFTA_META_KEY, key);
	end(nlh, o);
}

static void put_cmp(struct nlmsghdr *nlh, __u32 op, const void *at, size_t len)
{
	struct open o = begin(nlh, "cmp");

	put_u32(nlh, NFTA_CMP_SREG, NFT_REG_1);
	put_u32(nlh, NFTA_CMP_OP, op);
	put_data(nlh, NFTA_CMP_DATA, at, len);
	end(nlh, o);
}

static void put_mask(struct nlmsghdr *nlh, const void *mask, size_t len)
{
	static const char zero[4];
	struct open o = begin(nlh, "bitwise");

	put_u32(nlh, NFTA_BITWISE_SREG, NFT_REG_1);
	put_u32(nlh, NFTA_BITWISE_DREG, NFT_REG_1);
	put_data(nlh, NFTA_BITWISE_MASK, mask, len);
	put_data(nlh, NFTA_BITWISE_XOR, zero, len);
	end(nlh, o);
}

static void put_flags(struct nlmsghdr *nlh, __u32 op, __u8 value)
{
	put_load(nlh, NFT_PAYLOAD_TRANSPORT_HEADER, 13, 1);
	put_mask(nlh, "\x17", 1);
	put_cmp(nlh, op, &value, 1);
}

static void put_state(struct nlmsghdr *nlh, __u32 states)
{
	static const char zero[4];
	struct open o = begin(nlh, "ct");

	put_u32(nlh, NFTA_CT_DREG, NFT_REG_1);
	put_u32(nlh, NFTA_CT_KEY, NFT_CT_STATE);
	end(nlh, o);
	put_mask(nlh, &states, sizeof(states));
	put_cmp(nlh, NFT_CMP_NEQ, zero, sizeof(zero));
}

static void put_maxseg(struct nlmsghdr *nlh, bool asks, __be16 value)
{
	struct open o = begin(nlh, "exthdr");

	put_u32(nlh, NFTA_EXTHDR_DREG, NFT_REG_1);
	mnl_attr_put_u8(nlh, NFTA_EXTHDR_TYPE, 2);
	put_u32(nlh, NFTA_EXTHDR_OP, NFT_EXTHDR_OP_TCPOPT);
	if (asks)
		put_u32(nlh, NFTA_EXTHDR_FLAGS, NFT_EXTHDR_F_PRESENT);
	end(nlh, o);
	put_cmp(nlh, asks ? NFT_CMP_EQ : NFT_CMP_LTE, &value, asks ? 1 : 2);
}

static void put_verdict(struct nlmsghdr *nlh, int code, const char *to)
{
	struct open o = begin(nlh, "immediate");
	struct nlattr *data, *verdict;

	put_u32(nlh, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
	data = mnl_attr_nest_start(nlh, NFTA_IMMEDIATE_DATA);
	verdict = mnl_attr_nest_start(nlh, NFTA_DATA_VERDICT);
	put_u32(nlh, NFTA_VERDICT_CODE, (__u32)code);
	if (to)
		mnl_attr_put_strz(nlh, NFTA_VERDICT_CHAIN, to);
	mnl_attr_nest_end(nlh, verdict);
	mnl_attr_nest_end(nlh, data);
	end(nlh, o);
}

static void put_match(struct nlmsghdr *nlh, const char *name)
{
	struct open o = begin(nlh, "match");

	mnl_attr_put_strz(nlh, NFTA_MATCH_NAME, name);
	end(nlh, o);
}

static void put_condition(struct nlmsghdr *nlh, const struct token *t)
{
	__be32 be32 = htonl(t->value);
	__be16 be16 = htons(t->value);
	char name[16] = "";

	switch (t->part) {
	case PORT:
		put_load(nlh, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2);
		put_cmp(nlh, NFT_CMP_EQ, &be16, 2);
		break;
	case FLAGS:
		put_flags(nlh, NFT_CMP_EQ, t->value);
		break;
	case NOT_SYN:
		put_flags(nlh, NFT_CMP_NEQ, SYN);
		break;
	case STATE:
		put_state(nlh, t->value);
		break;
	case MAXSEG:
	case NO_MSS:
		put_maxseg(nlh, t->part == NO_MSS, be16);
		break;
	case SOURCE:
		put_load(nlh, NFT_PAYLOAD_NETWORK_HEADER, 12, 4);
		put_cmp(nlh, NFT_CMP_EQ, &be32, 4);
		break;
	case MARK:
		put_meta(nlh, NFT_META_MARK);
		put_cmp(nlh, NFT_CMP_EQ, &be32, 4);
		break;
	case IFACE:
		snprintf(name, sizeof(name), "%s", names[t->value]);
		put_meta(nlh, NFT_META_IIFNAME);
		put_cmp(nlh, NFT_CMP_EQ, name, sizeof(name));
		break;
	default:
		put_match(nlh, names[t->value]);
	}
}

static void put_token(struct nlmsghdr *nlh, const struct token *t)
{
	static const char *const bare[] = {
		[LIMIT] = "limit",	  [OSF] = "osf",
		[UNKNOWN] = "unheard of", [PROXY] = "tproxy",
		[SYNPROXY] = "synproxy",  [REJECT] = "reject",
	};

	if (t->part == VERDICT)
		put_verdict(nlh, t->value, NULL);
	else if (t->part == JUMP || t->part == GOTO)
		put_verdict(nlh, t->part == JUMP ? NFT_JUMP : NFT_GOTO, "d");
	else if (t->part < sizeof(bare) / sizeof(bare[0]) && bare[t->part])
		put_bare(nlh, bare[t->part]);
	else
		put_condition(nlh, t);
}

static struct nlmsghdr *message(char *buf)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct nfgenmsg *nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));

	*nfg = (struct nfgenmsg){ .nfgen_family = NFPROTO_INET };
	return nlh;
}

static void add_chain(struct nf_ruleset *s, const char *name, bool base,
		      bool drops)
{
	char buf[512];
	struct nlmsghdr *nlh = message(buf);
	struct nlattr *nest;

	mnl_attr_put_strz(nlh, NFTA_CHAIN_TABLE, "f");
	mnl_attr_put_strz(nlh, NFTA_CHAIN_NAME, name);
	if (base) {
		nest = mnl_attr_nest_start(nlh, NFTA_CHAIN_HOOK);
		put_u32(nlh, NFTA_HOOK_HOOKNUM, NF_INET_LOCAL_IN);
		put_u32(nlh, NFTA_HOOK_PRIORITY, 0);
		mnl_attr_nest_end(nlh, nest);
		put_u32(nlh, NFTA_CHAIN_POLICY, drops ? NF_DROP : NF_ACCEPT);
	}
	assert_int_equal(nf_ruleset_add_chain(s, nlh), 0);
}

static void add_rules(struct nf_ruleset *s, const char *chain,
		      const struct token rules[RULES][TOKENS])
{
	struct nlmsghdr *nlh;
	struct nlattr *list;
	char buf[4096];
	size_t i, k;

	for (i = 0; i < RULES && rules[i][0].part; i++) {
		nlh = message(buf);
		mnl_attr_put_strz(nlh, NFTA_RULE_TABLE, "f");
		mnl_attr_put_strz(nlh, NFTA_RULE_CHAIN, chain);
		mnl_attr_put_u64(nlh, NFTA_RULE_HANDLE, htobe64(i + 1));
		list = mnl_attr_nest_start(nlh, NFTA_RULE_EXPRESSIONS);
		for (k = 0; k < TOKENS && rules[i][k].part; k++)
			put_token(nlh, &rules[i][k]);
		mnl_attr_nest_end(nlh, list);
		assert_int_equal(nf_ruleset_add_rule(s, nlh), 0);
	}
}

static void read_row(const struct row *row, struct nf_ruleset *s)
{
	*s = (struct nf_ruleset){};
	add_chain(s, "c", true, row->drops);
	add_chain(s, "d", false, false);
	nf_ruleset_sort_chains(s);
	add_rules(s, "c", row->c);
	add_rules(s, "d", row->d);
	assert_int_equal(nf_ruleset_find_sets(s), 0);
	nf_ruleset_link(s);
}

#endif
