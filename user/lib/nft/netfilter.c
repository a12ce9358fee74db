/* SPDX-License-Identifier: GPL-2.0-only */
/* Theory of operation: see netfilter.h. The walk is in nfchain.c. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernel/netlink.h"
#include "netfilter.h"
#include "nfchain.h"
#include "nfhost.h"
#include "nfjudge.h"
#include "nfrewrite.h"

enum { BUF_MAX = 65536, TRIES = 3, NAMES_MAX = 256 };

struct netfilter {
	struct mnl_socket *nl;	/* for requests */
	struct mnl_socket *sub; /* NULL: not subscribed yet */
	__u32 seq;
	struct nf_ruleset rules;
	bool read;	      /* ... at least once */
	bool conntrack;	      /* the namespace has it */
	unsigned int version; /* of all that is known */
	__u32 generation;     /* of @rules */
	long entries; /* at the last look of this generation; -1: unknown */
	bool grown;   /* their number has increased */
	char legacy[2][NAMES_MAX]; /* tables of iptables, ip6tables */
	char buf[BUF_MAX] __attribute__((aligned(NLMSG_ALIGNTO)));
};

static int open_socket(struct mnl_socket **ret)
{
	struct mnl_socket *nl = netlink_open(NETLINK_NETFILTER, 0);

	if (!nl)
		return -errno;
	*ret = nl;
	return 0;
}

int netfilter_open(struct netfilter **ret)
{
	struct netfilter *n = calloc(1, sizeof(*n));

	if (!n)
		return -ENOMEM;
	*ret = n;
	return 0;
}

void netfilter_free(struct netfilter *n)
{
	if (!n)
		return;
	if (n->nl)
		mnl_socket_close(n->nl);
	if (n->sub)
		mnl_socket_close(n->sub);
	nf_ruleset_free(&n->rules);
	free(n);
}

static struct nlmsghdr *request(struct netfilter *n, __u16 type, __u16 flags,
				__u8 family)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(n->buf);
	struct nfgenmsg *nfg;

	nlh->nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | type;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	nlh->nlmsg_seq = ++n->seq;
	nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));
	*nfg = (struct nfgenmsg){ .nfgen_family = family };
	return nlh;
}

/* The socket may still hold the rest of an abandoned reply. */
static void reopen(struct netfilter *n)
{
	if (n->nl)
		mnl_socket_close(n->nl);
	n->nl = NULL;
}

static __u32 u32_of(const struct nlattr *a)
{
	__be32 value;

	memcpy(&value, mnl_attr_get_payload(a), sizeof(value));
	return ntohl(value);
}

static int on_generation(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *a;

	mnl_attr_for_each (a, nlh, sizeof(struct nfgenmsg))
		if (mnl_attr_get_type(a) == NFTA_GEN_ID)
			*(__u32 *)data = u32_of(a);
	return MNL_CB_STOP;
}

static int generation(struct netfilter *n, __u32 *ret)
{
	return netlink_ask_until(n->nl,
				 request(n, NFT_MSG_GETGEN, 0, NFPROTO_UNSPEC),
				 on_generation, ret);
}

static int on_chain(const struct nlmsghdr *nlh, void *data)
{
	return nf_ruleset_add_chain(data, nlh) ? MNL_CB_ERROR : MNL_CB_OK;
}

static int on_rule(const struct nlmsghdr *nlh, void *data)
{
	return nf_ruleset_add_rule(data, nlh) ? MNL_CB_ERROR : MNL_CB_OK;
}

static int on_element(const struct nlmsghdr *nlh, void *data)
{
	return nf_rule_add_ports(data, nlh) ? MNL_CB_ERROR : MNL_CB_OK;
}

/* Reads the elements of the sets that rules refer to. */
static int read_sets(struct netfilter *n, struct nf_ruleset *set)
{
	size_t i;
	int err = 0;

	for (i = 0; i < set->n_rules && !err; i++) {
		struct nf_rule *r = &set->rules[i];
		struct nlmsghdr *nlh;

		if (!r->set)
			continue;
		nlh = request(n, NFT_MSG_GETSETELEM, NLM_F_DUMP,
			      set->chains[set->chain_of[i]].family);
		mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_TABLE,
				  set->chains[set->chain_of[i]].table);
		mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_SET, r->set);
		err = netlink_ask_until(n->nl, nlh, on_element, r);
		if (!err)
			nf_rule_settle_ports(r);
	}
	return err;
}

static bool has_nat(const struct netfilter *n, const struct nf_ruleset *set,
		    bool v4)
{
	return set->nat[v4] || strstr(n->legacy[v4], "\nnat\n");
}

static int on_set_element(const struct nlmsghdr *nlh, void *data)
{
	return nf_set_add(data, nlh) ? MNL_CB_ERROR : MNL_CB_OK;
}

/* Those that nfjudge.h looks into. One that is gone is unknown. */
static int read_known_sets(struct netfilter *n, struct nf_ruleset *set)
{
	int err = nf_ruleset_find_sets(set);
	size_t i;

	for (i = 0; i < set->sets.n && !err; i++) {
		struct nf_set *s = &set->sets.list[i];
		struct nlmsghdr *nlh =
			request(n, NFT_MSG_GETSETELEM, NLM_F_DUMP, s->family);

		mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_TABLE, s->table);
		mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_SET, s->name);
		err = netlink_ask_until(n->nl, nlh, on_set_element, s);
		if (!err)
			nf_set_settle(s);
	}
	return err;
}

static int read_all(struct netfilter *n, struct nf_ruleset *set)
{
	int err = netlink_ask_until(
		n->nl, request(n, NFT_MSG_GETCHAIN, NLM_F_DUMP, NFPROTO_UNSPEC),
		on_chain, set);

	nf_ruleset_sort_chains(set);
	if (err || !set->n_chains)
		return err;
	err = netlink_ask_until(
		n->nl, request(n, NFT_MSG_GETRULE, NLM_F_DUMP, NFPROTO_UNSPEC),
		on_rule, set);
	if (!err && (has_nat(n, set, false) || has_nat(n, set, true)))
		err = read_sets(n, set);
	if (!err)
		err = read_known_sets(n, set);
	if (!err)
		nf_ruleset_link(set);
	return err;
}

/* Legacy iptables creates a table on its first use, and keeps it. */
static int read_legacy(struct netfilter *n, bool *ret_changed)
{
	static const char *const paths[] = { "/proc/self/net/ip6_tables_names",
					     "/proc/self/net/ip_tables_names" };
	int v4;

	for (v4 = 0; v4 < 2; v4++) {
		char names[NAMES_MAX] = "\n";
		FILE *f = fopen(paths[v4], "re");
		size_t len;

		if (!f && errno != ENOENT)
			return -errno;
		len = f ? fread(names + 1, 1, sizeof(names) - 2, f) : 0;
		names[len + 1] = '\0';
		if (f)
			fclose(f);
		if (strcmp(names, n->legacy[v4]))
			*ret_changed = true;
		memcpy(n->legacy[v4], names, sizeof(names));
	}
	return 0;
}

/*
 * Others that enable tracking (IPVS, Open vSwitch) show by new entries. The
 * mere existence of entries says nothing: they linger long after tracking has
 * stopped.
 */
static void count_entries(struct netfilter *n)
{
	FILE *f = fopen("/proc/sys/net/netfilter/nf_conntrack_count", "re");
	long now;

	if (!f)
		return;
	if (fscanf(f, "%ld", &now) == 1) {
		if (n->entries >= 0 && now > n->entries)
			n->grown = true;
		n->entries = now;
	}
	fclose(f);
}

static int read_ruleset(struct netfilter *n, __u32 gen)
{
	struct nf_ruleset set = {};
	__u32 after = gen;
	int i, err = 0;

	for (i = 0; i < TRIES; i++) {
		nf_ruleset_free(&set);
		err = read_all(n, &set);
		if (!err)
			err = generation(n, &after);
		if (!err && after == gen)
			break;
		if (err && err != -EINTR)
			break;
		gen = after; /* it changed meanwhile */
	}
	if (err) {
		nf_ruleset_free(&set);
		return err;
	}
	nf_ruleset_free(&n->rules);
	n->rules = set;
	n->generation = after == gen ? gen : 0; /* 0: never the kernel's */
	n->entries = -1;
	n->grown = false;
	return 1;
}

static int look(struct netfilter *n)
{
	bool changed = !n->read;
	__u32 gen = 0;
	int err = read_legacy(n, &changed);

	if (!err && !n->nl)
		err = open_socket(&n->nl);
	if (!err)
		err = generation(n, &gen);
	if (err)
		return err;
	if (changed || gen != n->generation)
		return read_ruleset(n, gen);
	return 0;
}

static int forget(struct netfilter *n)
{
	bool had = n->read;

	n->conntrack = false;
	n->read = false;
	nf_ruleset_free(&n->rules);
	memset(n->legacy, 0, sizeof(n->legacy));
	return had;
}

static int look_again(struct netfilter *n)
{
	bool had_grown = n->grown, had = n->conntrack;
	int has = nfhost_conntrack(), err;

	if (has < 0)
		return has;
	if (!has && !nfhost_nftables())
		return forget(n);
	err = look(n);
	if (err < 0) {
		reopen(n);
		n->generation = 0; /* to read it again */
		return err;
	}
	n->conntrack = has;
	n->read = true;
	if (!n->grown && has &&
	    (has_nat(n, &n->rules, false) || has_nat(n, &n->rules, true)))
		count_entries(n);
	return err || n->grown != had_grown || n->conntrack != had;
}

int netfilter_look(struct netfilter *n)
{
	int ret = look_again(n);

	if (ret > 0)
		n->version++;
	return ret;
}

bool netfilter_proxies(const struct netfilter *n)
{
	return n->rules.tproxies;
}

unsigned int netfilter_version(const struct netfilter *n)
{
	return n->version;
}

int netfilter_fd(struct netfilter *n)
{
	struct mnl_socket *sub = NULL;
	int group = NFNLGRP_NFTABLES;

	if (n->sub || !n->read)
		return n->sub ? mnl_socket_get_fd(n->sub) : -1;
	if (open_socket(&sub))
		return -1;
	if (mnl_socket_setsockopt(sub, NETLINK_ADD_MEMBERSHIP, &group,
				  sizeof(group))) {
		mnl_socket_close(sub);
		return -1;
	}
	n->sub = sub;
	return mnl_socket_get_fd(sub);
}

void netfilter_drain(struct netfilter *n)
{
	/* ENOBUFS means the same as a message: something has changed */
	while (n->sub && (recv(mnl_socket_get_fd(n->sub), n->buf,
			       sizeof(n->buf), MSG_DONTWAIT) >= 0 ||
			  errno == ENOBUFS || errno == EINTR))
		;
}

static bool tracks(const struct netfilter *n, bool v4)
{
	/* rules of legacy iptables cannot be read */
	return n->rules.tracks[v4] || n->grown || strlen(n->legacy[v4]) > 1;
}

enum nf_fate netfilter_at(const struct netfilter *n, bool v4,
			  const __be32 addr[4], __be16 port)
{
	struct nf_packet p = { .v4 = v4, .addr = addr, .port = ntohs(port) };

	if (!n->conntrack || !has_nat(n, &n->rules, v4) || !tracks(n, v4))
		return NF_KEEPS;
	if (nf_ruleset_untracked(&n->rules, &p))
		return NF_EXEMPT;
	return nf_ruleset_redirects(&n->rules, &p) ? NF_ELSEWHERE : NF_LOSES;
}

/* ---- what is bypassed ---- */

void netfilter_judge(const struct netfilter *n, const struct nf_asked *asked,
		     struct nf_findings *ret)
{
	struct nf_judgement j;
	size_t i;

	*ret = (struct nf_findings){};
	if (!n->rules.n_chains)
		return;
	nf_ruleset_judge(&n->rules, asked, nfhost_loose(), &j);
	*ret = (struct nf_findings){ .n = j.n, .cost = j.visits };
	for (i = 0; i < j.n; i++) {
		ret->list[i].kind = j.found[i].kind;
		ret->list[i].sure = j.found[i].sure;
		nf_found_text(&n->rules, j.found[i].chain, j.found[i].rule,
			      ret->list[i].text, NF_TEXT_LEN);
	}
	if (j.refuses)
		nf_found_text(&n->rules, j.refuses, j.refused_by, ret->refuses,
			      NF_TEXT_LEN);
}

unsigned int netfilter_rewrites(const struct netfilter *n,
				const struct nf_asked *asked,
				struct nf_rewrite *ret)
{
	return nf_ruleset_rewrites(&n->rules, asked, ret);
}
