/* SPDX-License-Identifier: GPL-2.0-only */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "nfchain.h"

/* Makes room for one more; capacity doubles at powers of two. */
static int grow(void *array, size_t n, size_t size)
{
	void **at = array, *more;

	if (n & (n - 1))
		return 0;
	more = reallocarray(*at, n ? 2 * n : 1, size);
	if (!more)
		return -ENOMEM;
	*at = more;
	return 0;
}

static bool is_looked_at(__u8 family)
{
	return nf_family_is(family, true) || nf_family_is(family, false);
}

static __u8 family_of(const struct nlmsghdr *nlh)
{
	const struct nfgenmsg *nfg = mnl_nlmsg_get_payload(nlh);

	return nfg->nfgen_family;
}

static __u32 u32_of(const struct nlattr *a)
{
	__be32 value = 0;

	if (mnl_attr_get_payload_len(a) >= sizeof(value))
		memcpy(&value, mnl_attr_get_payload(a), sizeof(value));
	return ntohl(value);
}

static void read_hook(const struct nlattr *nest, struct nf_chain *c)
{
	const struct nlattr *a;

	c->is_base = true;
	mnl_attr_for_each_nested (a, nest) {
		if (mnl_attr_get_type(a) == NFTA_HOOK_HOOKNUM)
			c->hook = u32_of(a);
		else if (mnl_attr_get_type(a) == NFTA_HOOK_PRIORITY)
			c->priority = (__s32)u32_of(a);
	}
}

int nf_ruleset_add_chain(struct nf_ruleset *s, const struct nlmsghdr *nlh)
{
	struct nf_chain c = { .family = family_of(nlh) };
	const struct nlattr *a;

	if (!is_looked_at(c.family))
		return 0;
	if (grow(&s->chains, s->n_chains, sizeof(c)))
		return -ENOMEM;
	mnl_attr_for_each (a, nlh, sizeof(struct nfgenmsg)) {
		switch (mnl_attr_get_type(a)) {
		case NFTA_CHAIN_TABLE:
			c.table = strdup(mnl_attr_get_str(a));
			break;
		case NFTA_CHAIN_NAME:
			c.name = strdup(mnl_attr_get_str(a));
			break;
		case NFTA_CHAIN_HOOK:
			read_hook(a, &c);
			break;
		case NFTA_CHAIN_TYPE:
			c.is_nat = !strcmp(mnl_attr_get_str(a), "nat");
			break;
		}
	}
	s->chains[s->n_chains++] = c; /* its names are freed with it */
	if (!c.table || !c.name)
		return -ENOMEM;
	if (c.is_nat) {
		s->nat[0] = s->nat[0] || nf_family_is(c.family, false);
		s->nat[1] = s->nat[1] || nf_family_is(c.family, true);
	}
	return 0;
}

static int by_name(const void *a, const void *b)
{
	const struct nf_chain *x = a, *y = b;
	int diff = x->family - y->family;

	if (!diff)
		diff = strcmp(x->table, y->table);
	return diff ? diff : strcmp(x->name, y->name);
}

void nf_ruleset_sort_chains(struct nf_ruleset *s)
{
	size_t i;

	for (i = 0; i < s->n_chains; i++)
		if (!s->chains[i].table || !s->chains[i].name)
			return; /* out of memory: nothing is looked up */
	if (s->n_chains)
		qsort(s->chains, s->n_chains, sizeof(*s->chains), by_name);
}

static size_t find_chain(const struct nf_ruleset *s, __u8 family,
			 const char *table, const char *name)
{
	struct nf_chain key = { .family = family,
				.table = (char *)table,
				.name = (char *)name };
	const struct nf_chain *c = NULL;

	if (s->n_chains && table && name)
		c = bsearch(&key, s->chains, s->n_chains, sizeof(key), by_name);
	return c ? (size_t)(c - s->chains) : SIZE_MAX;
}

int nf_ruleset_add_rule(struct nf_ruleset *s, const struct nlmsghdr *nlh)
{
	const char *table = NULL, *chain = NULL;
	const struct nlattr *a, *exprs = NULL;
	struct nf_chain *c;
	struct nf_rule *r;
	size_t at;

	mnl_attr_for_each (a, nlh, sizeof(struct nfgenmsg)) {
		if (mnl_attr_get_type(a) == NFTA_RULE_TABLE)
			table = mnl_attr_get_str(a);
		else if (mnl_attr_get_type(a) == NFTA_RULE_CHAIN)
			chain = mnl_attr_get_str(a);
		else if (mnl_attr_get_type(a) == NFTA_RULE_EXPRESSIONS)
			exprs = a;
	}
	at = find_chain(s, family_of(nlh), table, chain);
	if (at == SIZE_MAX)
		return 0; /* not IPv4 or IPv6 */
	if (grow(&s->rules, s->n_rules, sizeof(*s->rules)) ||
	    grow(&s->chain_of, s->n_rules, sizeof(*s->chain_of)) ||
	    grow(&s->leads_to, s->n_rules, sizeof(*s->leads_to)))
		return -ENOMEM;
	c = &s->chains[at];
	if (!c->n) /* a chain's rules are consecutive */
		c->first = s->n_rules;
	c->n++;
	r = &s->rules[s->n_rules];
	s->chain_of[s->n_rules] = at;
	s->leads_to[s->n_rules++] = SIZE_MAX;
	if (nf_rule_parse(exprs, r))
		return -ENOMEM;
	s->tracks[0] = s->tracks[0] ||
		       (r->tracks && nf_family_is(c->family, false));
	s->tracks[1] = s->tracks[1] ||
		       (r->tracks && nf_family_is(c->family, true));
	return 0;
}

/* The end of a range is a separate entry until nf_rule_settle_ports(). */
static int add_port(struct nf_rule *r, __u16 port, bool is_end)
{
	if (grow(&r->ports, r->n_ports, sizeof(*r->ports)))
		return -ENOMEM;
	r->ports[r->n_ports++] = (struct nf_range){ port, is_end };
	return 0;
}

static int add_element(struct nf_rule *r, const struct nlattr *elem)
{
	const struct nlattr *a, *value, *key = NULL;
	__u32 flags = 0;
	__be16 port;

	mnl_attr_for_each_nested (a, elem) {
		if (mnl_attr_get_type(a) == NFTA_SET_ELEM_KEY)
			key = a;
		else if (mnl_attr_get_type(a) == NFTA_SET_ELEM_FLAGS)
			flags = u32_of(a);
	}
	if (!key || flags & ~NFT_SET_ELEM_INTERVAL_END) {
		r->partial = true; /* such as a catch-all element */
		return 0;
	}
	mnl_attr_for_each_nested (value, key) {
		if (mnl_attr_get_type(value) != NFTA_DATA_VALUE ||
		    mnl_attr_get_payload_len(value) < sizeof(port))
			continue;
		memcpy(&port, mnl_attr_get_payload(value), sizeof(port));
		return add_port(r, ntohs(port), flags);
	}
	r->partial = true;
	return 0;
}

int nf_rule_add_ports(struct nf_rule *r, const struct nlmsghdr *nlh)
{
	const struct nlattr *a, *elem;
	int err = 0;

	mnl_attr_for_each (a, nlh, sizeof(struct nfgenmsg)) {
		if (mnl_attr_get_type(a) != NFTA_SET_ELEM_LIST_ELEMENTS)
			continue;
		mnl_attr_for_each_nested (elem, a)
			if (!err)
				err = add_element(r, elem);
	}
	return err;
}

/* An end comes before a range that begins at the same port. */
static int by_port(const void *a, const void *b)
{
	const struct nf_range *x = a, *y = b;
	int diff = x->low - y->low;

	return diff ? diff : y->high - x->high;
}

/*
 * Turns points into ranges. In a set of intervals each is followed by its
 * exclusive end, except one up to the last port; an end at 0 may come first.
 * Any other set has no ends.
 */
void nf_rule_settle_ports(struct nf_rule *r)
{
	size_t i, n = 0, ends = 0;

	if (!r->n_ports)
		return;
	qsort(r->ports, r->n_ports, sizeof(*r->ports), by_port);
	for (i = 0; i < r->n_ports; i++)
		ends += r->ports[i].high;
	for (i = 0; i < r->n_ports; i++) {
		struct nf_range point = r->ports[i];

		if (point.high)
			continue; /* an end */
		point.high = point.low;
		if (ends)
			point.high = i + 1 < r->n_ports
					     ? r->ports[i + 1].low - 1
					     : 0xffff;
		r->ports[n++] = point;
	}
	r->n_ports = n;
}

void nf_ruleset_link(struct nf_ruleset *s)
{
	size_t i;

	for (i = 0; i < s->n_rules; i++) {
		const struct nf_chain *c = &s->chains[s->chain_of[i]];

		s->leads_to[i] =
			find_chain(s, c->family, c->table, s->rules[i].target);
	}
}

void nf_ruleset_free(struct nf_ruleset *s)
{
	size_t i;

	for (i = 0; i < s->n_chains; i++) {
		free(s->chains[i].table);
		free(s->chains[i].name);
	}
	for (i = 0; i < s->n_rules; i++)
		nf_rule_free(&s->rules[i]);
	free(s->chains);
	free(s->rules);
	free(s->chain_of);
	free(s->leads_to);
	*s = (struct nf_ruleset){};
}
