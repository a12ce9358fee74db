/* SPDX-License-Identifier: GPL-2.0-only */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "nfset.h"

const struct nf_set *nf_sets_find(const struct nf_sets *s, __u8 family,
				  const char *table, const char *name)
{
	size_t i;

	for (i = 0; s && i < s->n; i++)
		if (s->list[i].family == family &&
		    !strcmp(s->list[i].table, table) &&
		    !strcmp(s->list[i].name, name))
			return &s->list[i];
	return NULL;
}

int nf_sets_add(struct nf_sets *s, __u8 family, const char *table,
		const char *name, struct nf_set **ret_new)
{
	struct nf_set set = { .family = family };

	*ret_new = NULL;
	if (s->n == NF_SETS_MAX || nf_sets_find(s, family, table, name))
		return 0;
	set.table = strdup(table);
	set.name = strdup(name);
	if (!set.table || !set.name) {
		free(set.table);
		free(set.name);
		return -ENOMEM;
	}
	s->list[s->n] = set;
	*ret_new = &s->list[s->n++];
	return 0;
}

void nf_sets_free(struct nf_sets *s)
{
	size_t i, k;

	for (i = 0; i < s->n; i++) {
		struct nf_set *set = &s->list[i];

		for (k = 0; k < set->n; k++)
			free(set->elements[k].chain);
		free(set->elements);
		free(set->table);
		free(set->name);
	}
	s->n = 0;
}

static __u32 u32_of(const struct nlattr *a)
{
	__be32 value = 0;

	if (mnl_attr_get_payload_len(a) >= sizeof(value))
		memcpy(&value, mnl_attr_get_payload(a), sizeof(value));
	return ntohl(value);
}

static const struct nlattr *in(const struct nlattr *nest, unsigned int type)
{
	const struct nlattr *a;

	mnl_attr_for_each_nested (a, nest)
		if (mnl_attr_get_type(a) == type)
			return a;
	return NULL;
}

static void read_key(struct nf_set *set, const struct nlattr *key,
		     struct nf_element *e)
{
	const struct nlattr *value = in(key, NFTA_DATA_VALUE);
	size_t len = value ? mnl_attr_get_payload_len(value) : 0;

	if (!len || len > NF_KEY_MAX || (set->key_len && set->key_len != len)) {
		set->unknown = true;
		return;
	}
	set->key_len = len;
	memcpy(e->key, mnl_attr_get_payload(value), len);
}

static int read_verdict(const struct nlattr *data, struct nf_element *e)
{
	const struct nlattr *verdict = in(data, NFTA_DATA_VERDICT), *a;

	if (!verdict)
		return 0;
	e->has_verdict = true;
	a = in(verdict, NFTA_VERDICT_CODE);
	e->verdict = a ? (int)u32_of(a) : 0;
	a = in(verdict, NFTA_VERDICT_CHAIN);
	if (!a)
		return 0;
	free(e->chain); /* of a verdict before, which the kernel never sends */
	e->chain = strdup(mnl_attr_get_str(a));
	return e->chain ? 0 : -ENOMEM;
}

static int add_element(struct nf_set *set, const struct nlattr *elem)
{
	struct nf_element e = {}, *more;
	const struct nlattr *a, *key = NULL;
	int err = 0;

	mnl_attr_for_each_nested (a, elem) {
		switch (mnl_attr_get_type(a)) {
		case NFTA_SET_ELEM_KEY:
			key = a;
			break;
		case NFTA_SET_ELEM_DATA:
			err = read_verdict(a, &e);
			break;
		case NFTA_SET_ELEM_FLAGS:
			e.is_end = u32_of(a) & NFT_SET_ELEM_INTERVAL_END;
			e.is_rest = u32_of(a) & NFT_SET_ELEM_CATCHALL;
			break;
		case NFTA_SET_ELEM_TIMEOUT: /* packets put it there */
		case NFTA_SET_ELEM_KEY_END:
			set->unknown = true;
			break;
		}
	}
	if (key)
		read_key(set, key, &e);
	else if (!e.is_rest)
		set->unknown = true;
	more = err || set->unknown || set->n == NF_ELEMENTS_MAX
		       ? NULL
		       : reallocarray(set->elements, set->n + 1, sizeof(e));
	if (!more) {
		if (!err && !set->unknown && set->n < NF_ELEMENTS_MAX)
			err = -ENOMEM;
		set->unknown = true;
		free(e.chain);
		return err;
	}
	set->elements = more;
	set->elements[set->n++] = e;
	set->ranges = set->ranges || e.is_end;
	return 0;
}

int nf_set_add(struct nf_set *set, const struct nlmsghdr *nlh)
{
	const struct nlattr *a, *elem;
	int err = 0;

	mnl_attr_for_each (a, nlh, sizeof(struct nfgenmsg)) {
		if (mnl_attr_get_type(a) != NFTA_SET_ELEM_LIST_ELEMENTS)
			continue;
		mnl_attr_for_each_nested (elem, a)
			if (!err && !set->unknown)
				err = add_element(set, elem);
	}
	return err;
}

/* An end comes before what begins there, and the rest last. */
static int by_key(const void *a, const void *b)
{
	const struct nf_element *x = a, *y = b;
	int diff = x->is_rest - y->is_rest;

	if (!diff)
		diff = memcmp(x->key, y->key, NF_KEY_MAX);
	return diff ? diff : y->is_end - x->is_end;
}

void nf_set_settle(struct nf_set *set)
{
	if (set->n)
		qsort(set->elements, set->n, sizeof(*set->elements), by_key);
}

const struct nf_element *nf_set_lookup(const struct nf_set *set,
				       const void *key)
{
	const struct nf_element *rest = NULL, *last = NULL;
	size_t i;

	for (i = 0; i < set->n; i++) {
		const struct nf_element *e = &set->elements[i];
		int diff;

		if (e->is_rest) {
			rest = e;
			continue;
		}
		diff = memcmp(e->key, key, set->key_len);
		if (diff > 0)
			break;
		if (set->ranges || !diff)
			last = e;
	}
	if (i < set->n && set->n && set->elements[set->n - 1].is_rest)
		rest = &set->elements[set->n - 1];
	return last && !last->is_end ? last : rest;
}
