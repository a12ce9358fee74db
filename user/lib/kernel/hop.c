/* SPDX-License-Identifier: GPL-2.0-only */
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

#include "hop.h"

enum { LOOPBACK = 1, ANYCAST_LEN_MAX = 126 };

/* fe80::/10 and ff00::/8: their answers have no choice, or do not exist. */
static bool is_aside(const struct route *r, __u8 family)
{
	return family == AF_INET6 && r->len >= 8 &&
	       (r->dst[0] == 0xff ||
		(r->dst[0] == 0xfe && (r->dst[1] & 0xc0) == 0x80));
}

/* Longer IPv6 prefixes count as /64: what is asked needlessly does no harm. */
static struct hop_prefix prefix_of(const struct route *r)
{
	__u8 len = r->len > 64 ? 64 : r->len, bytes[8] = {}, i;
	struct hop_prefix p;

	for (i = 0; i < len; i++)
		bytes[i / 8] |= 0x80 >> i % 8;
	memcpy(&p.mask, bytes, sizeof(p.mask));
	memcpy(&p.net, r->dst, sizeof(p.net));
	p.net &= p.mask;
	return p;
}

static bool is_within(const struct hop_prefix *in, const struct hop_prefix *p)
{
	return (p->net & in->mask) == in->net &&
	       (p->mask & in->mask) == in->mask;
}

/* False: there are too many. */
static bool add_prefix(struct next_hop *h, struct hop_prefix p)
{
	int i, kept = 0;

	for (i = 0; i < h->n; i++)
		if (is_within(&h->prefixes[i], &p))
			return true;
	for (i = 0; i < h->n; i++)
		if (!is_within(&p, &h->prefixes[i]))
			h->prefixes[kept++] = h->prefixes[i];
	if (kept == HOP_PREFIXES)
		return false;
	h->prefixes[kept++] = p;
	h->n = (__u8)kept;
	return true;
}

const struct route *hop_default(const struct routing *r)
{
	const struct route *best = NULL;
	bool tie = false;
	size_t i;

	for (i = 0; i < r->n; i++) {
		const struct route *route = &r->routes[i];

		if (route->len || (best && route->priority > best->priority))
			continue;
		tie = best && route->priority == best->priority;
		best = route;
	}
	return tie ? NULL : best;
}

static bool any_throws(const struct route *routes, size_t n)
{
	while (n--)
		if (routes[n].type == RTN_THROW)
			return true;
	return false;
}

bool hop_throws(const struct routing *r)
{
	return (!r->plain_rules && r->rules.unknown) ||
	       any_throws(r->routes, r->n) || any_throws(r->ruled, r->n_ruled);
}

const struct route *hop_choose(const struct routing *r, __u8 family, int device,
			       struct next_hop *ret)
{
	const struct route *best = hop_default(r);
	size_t i;

	*ret = (struct next_hop){ .kind = HOP_ROUTED };
	if (!r->plain_rules || !r->complete || !best ||
	    best->type != RTN_UNICAST || best->odd || best->device != device ||
	    !best->via_family)
		return NULL;
	for (i = 0; i < r->n; i++) {
		const struct route *route = &r->routes[i];

		if (!route->len || is_aside(route, family))
			continue;
		if (!add_prefix(ret, prefix_of(route))) {
			*ret = (struct next_hop){ .kind = HOP_ROUTED };
			return NULL;
		}
	}
	ret->kind = HOP_USUAL;
	return best;
}

bool hop_is_needed(const struct routing *r, __u8 family)
{
	size_t i;

	for (i = 0; i < r->n; i++)
		if (!is_aside(&r->routes[i], family))
			return true;
	return false;
}

bool hop_may_forward6(const struct routing *r)
{
	size_t i;

	for (i = 0; i < r->n; i++) {
		const struct route *route = &r->routes[i];

		if (!route->len && route->protocol == RTPROT_RA)
			return false;
		if (route->device == LOOPBACK && route->len <= ANYCAST_LEN_MAX)
			return false;
	}
	return r->complete;
}
