/* SPDX-License-Identifier: GPL-2.0-only */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "top_sources.h"

/* Fewer samples, or a smaller share, may be chance. */
static const double least_samples = 3, least_share = 0.01;
/* Entries that have decayed below this are removed. */
static const double faded = 0.1;

/* The address without port and brackets, truncated if too long. */
static void address_of(const char *client, char addr[ADDR_STRLEN])
{
	const char *end = strrchr(client, ':');
	size_t len;

	if (*client == '[') {
		client++;
		end = strchr(client, ']');
	}
	len = end ? (size_t)(end - client) : strlen(client);
	if (len >= ADDR_STRLEN)
		len = ADDR_STRLEN - 1;
	memcpy(addr, client, len);
	addr[len] = '\0';
}

static struct top_source *entry_for(struct top_sources *s, const char *addr)
{
	struct top_source *least = s->entry;
	size_t i;

	for (i = 0; i < s->n; i++) {
		if (!strcmp(s->entry[i].addr, addr))
			return &s->entry[i];
		if (s->entry[i].count < least->count)
			least = &s->entry[i];
	}
	if (s->n < TOP_SOURCES_MAX) {
		least = &s->entry[s->n++];
		least->count = 0;
	}
	least->error = least->count;
	strcpy(least->addr, addr);
	return least;
}

void top_sources_add(struct top_sources *s, const char *client)
{
	char addr[ADDR_STRLEN];

	address_of(client, addr);
	entry_for(s, addr)->count++;
	s->total++;
}

void top_sources_fade(struct top_sources *s, double seconds)
{
	double left = exp2(-seconds / TOP_SOURCES_FADE_S);
	size_t i, kept = 0;

	for (i = 0; i < s->n; i++) {
		struct top_source e = s->entry[i];

		e.count *= left;
		e.error *= left;
		if (e.count >= faded)
			s->entry[kept++] = e;
	}
	s->n = kept;
	s->total = kept ? s->total * left : 0;
}

static double certain(const struct top_source *e)
{
	return e->count - e->error;
}

double top_sources_share(const struct top_sources *s,
			 const struct top_source *source)
{
	return s->total > 0 ? certain(source) / s->total : 0;
}

static int by_frequency(const void *a, const void *b)
{
	double x = certain(a), y = certain(b);

	if (x != y)
		return x < y ? 1 : -1;
	return strcmp(((const struct top_source *)a)->addr,
		      ((const struct top_source *)b)->addr);
}

size_t top_sources_rank(struct top_sources *s)
{
	size_t n = 0;

	qsort(s->entry, s->n, sizeof(s->entry[0]), by_frequency);
	while (n < s->n && certain(&s->entry[n]) >= least_samples &&
	       top_sources_share(s, &s->entry[n]) >= least_share)
		n++;
	return n;
}
