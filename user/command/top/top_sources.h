/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the most frequent source addresses of a stream of
 * samples, in bounded memory: the Space-Saving algorithm. Frequent addresses
 * have an entry each; a new address takes over the entry with the lowest count,
 * which is recorded as its possible error. What an address has beyond its error
 * is certainly its own, so a flood from random addresses shows none. Counts
 * decay fast, so that shares are current, like the rates beside them, and an
 * attacker who has gone disappears; a hundred samples per second are enough.
 */
#ifndef TOP_SOURCES_H
#define TOP_SOURCES_H

#include <stddef.h>

#include "text/addr.h"

enum { TOP_SOURCES_MAX = 256, TOP_SOURCES_FADE_S = 2 };

struct top_source {
	char addr[ADDR_STRLEN];
	double count, error; /* samples, decayed */
};

/* Initially all zero. */
struct top_sources {
	size_t n;
	double total; /* of all samples, decayed like the counts */
	struct top_source entry[TOP_SOURCES_MAX];
};

/* Counts one sample from "192.0.2.1:40000" or "[2001:db8::1]:40000". */
void top_sources_add(struct top_sources *s, const char *client);

/* Decays the counts: they halve in TOP_SOURCES_FADE_S seconds. */
void top_sources_fade(struct top_sources *s, double seconds);

/*
 * Moves the sources that stand out to the first entries, the most frequent
 * first; returns their number.
 */
size_t top_sources_rank(struct top_sources *s);

/* The share of all samples, 0 to 1, that is certainly this source's. */
double top_sources_share(const struct top_sources *s,
			 const struct top_source *source);

#endif
