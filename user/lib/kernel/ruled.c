/* SPDX-License-Identifier: GPL-2.0-only */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "metrics.h"
#include "ruled.h"

enum { MAPPED_BITS = 96, TABLE_BITS = 32 };

/* Each family has rules of its own: how IPv4 is mapped need not be compared. */
static void put_prefix(const __u8 addr[16], unsigned int len, bool v6,
		       __be32 ret[4], __be32 ret_mask[4])
{
	unsigned int i, skip = v6 ? 0 : MAPPED_BITS / 8;
	__u8 bytes[16] = {}, mask[16] = {};

	for (i = 0; i < len && i < 128 - 8 * skip; i++)
		mask[skip + i / 8] |= 0x80 >> i % 8;
	for (i = skip; i < 16; i++)
		bytes[i] = addr[i - skip] & mask[i];
	memcpy(ret, bytes, 16);
	memcpy(ret_mask, mask, 16);
}

/* The parts of IPv6 are behind those of IPv4. */
static __u32 part(size_t rule, bool v6)
{
	return (__u32)rule + (v6 ? ROUTE_RULES_MAX : 0);
}

static void put_rules(const struct rules *r, bool v6, struct route_rules *ret)
{
	size_t i;

	for (i = 0; i < r->n; i++) {
		const struct rule *rule = &r->all[i];
		struct route_rule *to = &ret->all[i];

		put_prefix(rule->from, rule->from_len, v6, to->server,
			   to->server_mask);
		put_prefix(rule->to, rule->to_len, v6, to->client,
			   to->client_mask);
		to->port_min = rule->port_min;
		to->port_max = rule->port_max;
		to->leads = part(routing_leads(r, i), v6);
	}
	ret->n = (__u32)r->n;
}

static void put_routes(const struct routing *r, size_t rule,
		       const struct route **room, bool v6, struct ruled_list *l)
{
	size_t i, n = 0;

	for (i = 0; i < r->n_ruled; i++)
		if (r->ruled[i].rule == rule && !r->ruled[i].odd)
			room[n++] = &r->ruled[i];
	metrics_sort(room, n);
	for (i = 0; i < n; i++) {
		struct metrics_entry e = metrics_entry_of(room[i], v6);
		struct ruled_entry *to = &l->all[l->n];

		if (metrics_is_shadowed(room, i))
			continue;
		to->to.prefixlen = TABLE_BITS + e.to.prefixlen;
		to->to.leads = part(rule, v6);
		memcpy(to->to.addr, e.to.addr, 16);
		to->says = e.says;
		to->says.next = room[i]->type == RTN_THROW;
		l->n++;
	}
}

static void put_family(const struct routing *r, const struct route **room,
		       bool v6, struct ruled_list *l)
{
	size_t i;

	if (r->plain_rules || metrics_ignored(r) || !metrics_exist(r))
		return;
	put_rules(&r->rules, v6, &l->rules[v6]);
	for (i = 0; i < r->rules.n; i++)
		if (routing_leads(&r->rules, i) == i)
			put_routes(r, i, room, v6, l);
}

int ruled_compare(const void *a, const void *b)
{
	const struct ruled_entry *x = a, *y = b;

	return memcmp(&x->to, &y->to, sizeof(x->to));
}

int ruled_choose(const struct routing *v4, const struct routing *v6,
		 struct ruled_list *ret)
{
	size_t max = v4->n_ruled + v6->n_ruled + 1;
	const struct route **room = calloc(max, sizeof(const struct route *));
	struct ruled_list l = { .all = calloc(max, sizeof(*l.all)) };

	if (!room || !l.all) {
		free(room);
		free(l.all);
		return -ENOMEM;
	}
	put_family(v4, room, false, &l);
	put_family(v6, room, true, &l);
	free(room);
	qsort(l.all, l.n, sizeof(*l.all), ruled_compare);
	*ret = l;
	return 0;
}

bool ruled_bound_window(const struct ruled_list *l)
{
	size_t i;

	for (i = 0; i < l->n; i++)
		if (l->all[i].says.window)
			return true;
	return false;
}

void ruled_free(struct ruled_list *l)
{
	free(l->all);
	*l = (struct ruled_list){};
}
