/* SPDX-License-Identifier: GPL-2.0-only */
#include <string.h>

#include "metrics_guests.h"

enum { NETWORK6_BYTES = 8, NETWORK4_BYTES = 12 + 3 };

void metrics_guest_begin(struct metrics_guest *g, void *connection,
			 const struct sockaddr *from, uint64_t number)
{
	const struct sockaddr_in6 *in6 = (const void *)from;
	const struct sockaddr_in *in4 = (const void *)from;

	*g = (struct metrics_guest){ .connection = connection,
				     .number = number };
	if (from->sa_family == AF_INET6) {
		g->addr = in6->sin6_addr;
	} else if (from->sa_family == AF_INET) {
		g->addr.s6_addr[10] = g->addr.s6_addr[11] = 0xff;
		memcpy(&g->addr.s6_addr[12], &in4->sin_addr, 4);
	}
}

static bool stays(const struct metrics_guest *g)
{
	return g->connection && !g->leaving;
}

size_t metrics_guests_staying(const struct metrics_guest *guests, size_t n)
{
	size_t i, staying = 0;

	for (i = 0; i < n; i++)
		staying += stays(&guests[i]);
	return staying;
}

static bool same_network(const struct in6_addr *a, const struct in6_addr *b)
{
	return !memcmp(a, b,
		       IN6_IS_ADDR_V4MAPPED(a) ? NETWORK4_BYTES
					       : NETWORK6_BYTES);
}

/* How many connections @g's network has, then how many its address has. */
static size_t weight(const struct metrics_guest *guests, size_t n,
		     const struct metrics_guest *g)
{
	size_t i, network = 0, address = 0;

	for (i = 0; i < n; i++) {
		if (!stays(&guests[i]))
			continue;
		network += same_network(&g->addr, &guests[i].addr);
		address += IN6_ARE_ADDR_EQUAL(&g->addr, &guests[i].addr);
	}
	return network * (n + 1) + address;
}

struct metrics_guest *metrics_guests_victim(struct metrics_guest *guests,
					    size_t n)
{
	struct metrics_guest *victim = NULL, *g;
	size_t most = 0, w;

	for (g = guests; g < guests + n; g++) {
		if (!stays(g))
			continue;
		w = weight(guests, n, g);
		if (!victim || w > most ||
		    (w == most && g->number < victim->number)) {
			most = w;
			victim = g;
		}
	}
	return victim;
}
