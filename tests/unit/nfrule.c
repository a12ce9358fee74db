// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: rules that only iptables-nft writes, with its matches
 * and targets inside of nftables rules. (Rules written by nft are read from the
 * kernel in net/nat.) Each row is a rule, as the expressions of a netlink
 * message, and what it must mean for a packet to port 80.
 */
#include "testmain.h"

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>

#include "nft/nfrule.h"

enum { ANY = 0xffff };

/* As in linux/netfilter/xt_tcpudp.h. */
struct tcp {
	__u16 source[2], dest[2];
	__u8 option, flag_mask, flag_cmp, inverted;
};

static const struct tcp to_80 = { { 0, ANY }, { 80, 80 } };
static const struct tcp to_81 = { { 0, ANY }, { 81, 81 } };
static const struct tcp not_to_80 = { { 0, ANY }, { 80, 80 }, .inverted = 2 };
static const struct tcp syn_to_80 = {
	{ 0, ANY }, { 80, 80 }, .flag_mask = 0x17, .flag_cmp = 2
};
static const __u16 ct_notrack[8] = { 1 }, ct_zone[8] = { 0, 5 };

struct part {
	const char *kind; /* "match", "target" or "tcp"; NULL: the end */
	const char *name;
	const void *info;
	size_t size;
};

#define MATCH(name, info)                            \
	{                                            \
		"match", name, &(info), sizeof(info) \
	}
#define TARGET(name, info)                            \
	{                                             \
		"target", name, &(info), sizeof(info) \
	}

struct row {
	struct part parts[5];
	enum nf_match match;
	enum nf_action action;
	bool tracks;
};

static const char no_info[8];

static const struct row rows[] = {
	{ { { "tcp" }, MATCH("tcp", to_80), TARGET("CT", ct_notrack) },
	  NF_YES,
	  NF_NOTRACK,
	  false },
	{ { { "tcp" },
	    MATCH("tcp", to_80),
	    MATCH("comment", no_info),
	    TARGET("NOTRACK", no_info) },
	  NF_YES,
	  NF_NOTRACK,
	  false },
	{ { { "tcp" }, MATCH("tcp", to_81), TARGET("CT", ct_notrack) },
	  NF_NO,
	  NF_NOTRACK,
	  false },
	{ { { "tcp" }, MATCH("tcp", to_80), TARGET("CT", ct_zone) },
	  NF_YES,
	  NF_DOES_NOTHING,
	  true },
	{ { { "tcp" }, MATCH("tcp", not_to_80), TARGET("CT", ct_notrack) },
	  NF_PARTLY,
	  NF_NOTRACK,
	  false },
	{ { { "tcp" }, MATCH("tcp", syn_to_80), TARGET("CT", ct_notrack) },
	  NF_PARTLY,
	  NF_NOTRACK,
	  false },
	{ { { "tcp" }, MATCH("multiport", no_info), TARGET("CT", ct_notrack) },
	  NF_PARTLY,
	  NF_NOTRACK,
	  false },
	/* Docker's */
	{ { { "tcp" },
	    MATCH("addrtype", no_info),
	    MATCH("tcp", to_80),
	    TARGET("DNAT", no_info) },
	  NF_BY_IFACE,
	  NF_REDIRECT,
	  true },
	{ { TARGET("MASQUERADE", no_info) }, NF_YES, NF_ACCEPTS, true },
	{ { MATCH("conntrack", no_info), TARGET("LOG", no_info) },
	  NF_PARTLY,
	  NF_DOES_NOTHING,
	  true },
	{ { { "tcp" }, TARGET("TPROXY", no_info) }, NF_YES, NF_UNKNOWN, false },
	{ { { "udp" }, TARGET("CT", ct_notrack) }, NF_NO, NF_NOTRACK, false },
};

static struct nlattr *begin(struct nlmsghdr *nlh, const char *name,
			    struct nlattr **ret_elem)
{
	*ret_elem = mnl_attr_nest_start(nlh, NFTA_LIST_ELEM);
	mnl_attr_put_strz(nlh, NFTA_EXPR_NAME, name);
	return mnl_attr_nest_start(nlh, NFTA_EXPR_DATA);
}

static void end(struct nlmsghdr *nlh, struct nlattr *data, struct nlattr *elem)
{
	mnl_attr_nest_end(nlh, data);
	mnl_attr_nest_end(nlh, elem);
}

/* meta l4proto == @protocol */
static void put_protocol(struct nlmsghdr *nlh, __u8 protocol)
{
	struct nlattr *elem, *data = begin(nlh, "meta", &elem), *value;

	mnl_attr_put_u32(nlh, NFTA_META_DREG, htonl(NFT_REG_1));
	mnl_attr_put_u32(nlh, NFTA_META_KEY, htonl(NFT_META_L4PROTO));
	end(nlh, data, elem);
	data = begin(nlh, "cmp", &elem);
	mnl_attr_put_u32(nlh, NFTA_CMP_SREG, htonl(NFT_REG_1));
	mnl_attr_put_u32(nlh, NFTA_CMP_OP, htonl(NFT_CMP_EQ));
	value = mnl_attr_nest_start(nlh, NFTA_CMP_DATA);
	mnl_attr_put(nlh, NFTA_DATA_VALUE, 1, &protocol);
	mnl_attr_nest_end(nlh, value);
	end(nlh, data, elem);
}

static void put_part(struct nlmsghdr *nlh, const struct part *p)
{
	bool match = !strcmp(p->kind, "match");
	struct nlattr *elem, *data;

	if (!p->name) {
		put_protocol(nlh, strcmp(p->kind, "tcp") ? 17 : 6);
		return;
	}
	data = begin(nlh, p->kind, &elem);
	mnl_attr_put_strz(nlh, match ? NFTA_MATCH_NAME : NFTA_TARGET_NAME,
			  p->name);
	mnl_attr_put(nlh, match ? NFTA_MATCH_INFO : NFTA_TARGET_INFO, p->size,
		     p->info);
	end(nlh, data, elem);
}

static void test_rules_of_iptables_nft(void **state)
{
	const struct nf_packet to = { .v4 = true, .port = 80 };
	char buf[4096];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
		struct nlattr *list =
			mnl_attr_nest_start(nlh, NFTA_RULE_EXPRESSIONS);
		const struct part *p;
		struct nf_rule r;

		for (p = rows[i].parts; p->kind; p++)
			put_part(nlh, p);
		mnl_attr_nest_end(nlh, list);
		assert_int_equal(nf_rule_parse(list, &r), 0);
		if (nf_rule_match(&r, &to) != rows[i].match ||
		    r.action != rows[i].action || r.tracks != rows[i].tracks)
			fail_msg("row %zu: expected match %d, action %d, "
				 "tracks %d; got %d, %d, %d",
				 i, rows[i].match, rows[i].action,
				 rows[i].tracks, nf_rule_match(&r, &to),
				 r.action, r.tracks);
		nf_rule_free(&r);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_rules_of_iptables_nft),
};

TEST_MAIN(tests)
