/* SPDX-License-Identifier: GPL-2.0-only */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "metrics.h"

enum {
	HEADERS4 = 40, /* IP and TCP */
	HEADERS6 = 60,
	MIN_ADVMSS4 = 256, /* net.ipv4.route.min_adv_mss */
	MIN_ADVMSS6 = 1220,
	MAPPED_BITS = 96,
	WINDOW_SCALE_MAX = 14, /* RFC 7323 */
};

static bool any_says(const struct route *at, size_t n)
{
	const struct route *end = at + n;

	for (; at < end; at++)
		if (at->advmss || at->mtu || at->hop_limit || at->initrwnd ||
		    at->window || at->ecn)
			return true;
	return false;
}

bool metrics_exist(const struct routing *r)
{
	return any_says(r->routes, r->n) || any_says(r->ruled, r->n_ruled);
}

const char *metrics_ignored(const struct routing *r)
{
	return !r->plain_rules ? r->rules.unknown
	       : !r->complete  ? "there are more than 4,096 routes"
			       : NULL;
}

/* Like ipv4_default_advmss() and ip6_default_advmss(). */
static __u16 mss_of_mtu(__u16 mtu, bool v6)
{
	__u16 headers = v6 ? HEADERS6 : HEADERS4;
	__u16 least = v6 ? MIN_ADVMSS6 : MIN_ADVMSS4;

	return mtu < least + headers ? least : mtu - headers;
}

__u8 metrics_window_scale(__u32 most)
{
	__u8 scale = 0;

	while (scale < WINDOW_SCALE_MAX && most >> (16 + scale))
		scale++;
	return scale;
}

static struct route_metrics metrics_of(const struct route *r, bool v6)
{
	return (struct route_metrics){
		.mss = r->advmss ? r->advmss
		       : r->mtu	 ? mss_of_mtu(r->mtu, v6)
				 : 0,
		.hop_limit = r->hop_limit,
		.ecn = r->ecn,
		.window = r->window,
		.initrwnd = r->initrwnd,
		.wscale = r->window ? metrics_window_scale(r->window) : 0,
	};
}

/* fe80::/10 has a route for each device: none is the one. */
static bool is_link_local(const struct route *r, bool v6)
{
	return v6 && r->len >= 10 && r->dst[0] == 0xfe &&
	       (r->dst[1] & 0xc0) == 0x80;
}

struct metrics_entry metrics_entry_of(const struct route *r, bool v6)
{
	struct metrics_entry e = { .to.prefixlen = r->len };

	if (v6) {
		memcpy(e.to.addr, r->dst, 16);
	} else {
		e.to.prefixlen += MAPPED_BITS;
		e.to.addr[10] = e.to.addr[11] = 0xff;
		memcpy(&e.to.addr[12], r->dst, 4);
	}
	if (!is_link_local(r, v6))
		e.says = metrics_of(r, v6);
	return e;
}

/* What contains others comes before them, then what the kernel prefers. */
static int by_prefix(const void *a, const void *b)
{
	const struct route *x = *(const struct route *const *)a;
	const struct route *y = *(const struct route *const *)b;
	int diff = memcmp(x->dst, y->dst, 16);

	if (!diff)
		diff = x->len - y->len;
	if (!diff)
		diff = (x->priority > y->priority) -
		       (x->priority < y->priority);
	return diff ? diff : (x > y) - (x < y); /* the first of equals */
}

void metrics_sort(const struct route **all, size_t n)
{
	qsort(all, n, sizeof(const struct route *), by_prefix);
}

bool metrics_is_shadowed(const struct route *const *sorted, size_t i)
{
	return i && sorted[i]->len == sorted[i - 1]->len &&
	       !memcmp(sorted[i]->dst, sorted[i - 1]->dst, 16);
}

static bool is_within(const struct local_key *key, const struct local_key *in)
{
	__u32 bytes = in->prefixlen / 8, bits = in->prefixlen % 8;

	return key->prefixlen >= in->prefixlen &&
	       !memcmp(key->addr, in->addr, bytes) &&
	       (!bits || !((key->addr[bytes] ^ in->addr[bytes]) >> (8 - bits)));
}

static bool says_something(const struct metrics_entry *e)
{
	static const struct route_metrics nothing;

	return memcmp(&e->says, &nothing, sizeof(nothing));
}

/* Appends those of @sorted routes that are needed. */
static void add_sorted(const struct route *const *sorted, size_t n, bool v6,
		       struct metrics_list *l)
{
	struct local_key cover; /* the widest prefix with metrics */
	bool covered = false;
	size_t i;

	for (i = 0; i < n; i++) {
		struct metrics_entry e = metrics_entry_of(sorted[i], v6);

		if (metrics_is_shadowed(sorted, i))
			continue; /* not the preferred one */
		covered = covered && is_within(&e.to, &cover);
		if (!covered && !says_something(&e))
			continue;
		if (!covered)
			cover = e.to;
		covered = true;
		l->all[l->n++] = e;
	}
}

static void add_family(const struct routing *r, const struct route **room,
		       bool v6, struct metrics_list *l)
{
	size_t i, n = 0;

	if (!r->plain_rules || metrics_ignored(r) || !metrics_exist(r))
		return;
	for (i = 0; i < r->n; i++)
		if (!r->routes[i].odd)
			room[n++] = &r->routes[i];
	metrics_sort(room, n);
	add_sorted(room, n, v6, l);
}

int metrics_compare(const void *a, const void *b)
{
	const struct metrics_entry *x = a, *y = b;

	return memcmp(&x->to, &y->to, sizeof(x->to));
}

/* Routes of IPv6 say nothing to IPv4, whose addresses are within ::/0. */
static const struct route all_ipv4;

int metrics_choose(const struct routing *v4, const struct routing *v6,
		   struct metrics_list *ret)
{
	size_t max = v4->n + v6->n + 1;
	const struct route **room = calloc(max, sizeof(const struct route *));
	struct metrics_list l = { .all = calloc(max, sizeof(*l.all)) };
	bool whole;

	if (!room || !l.all) {
		free(room);
		free(l.all);
		return -ENOMEM;
	}
	add_family(v4, room, false, &l);
	whole = l.n && l.all[0].to.prefixlen == MAPPED_BITS;
	add_family(v6, room, true, &l);
	if (l.n && !whole)
		l.all[l.n++] = metrics_entry_of(&all_ipv4, false);
	free(room);
	if (!l.n)
		metrics_free(&l);
	else
		qsort(l.all, l.n, sizeof(*l.all), metrics_compare);
	*ret = l;
	return 0;
}

bool metrics_bound_window(const struct metrics_list *l)
{
	size_t i;

	for (i = 0; i < l->n; i++)
		if (l->all[i].says.window)
			return true;
	return false;
}

void metrics_free(struct metrics_list *l)
{
	free(l->all);
	*l = (struct metrics_list){};
}
