/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: where a stream of samples comes from, by address, in
 * bounded memory: the Space-Saving algorithm. The most frequent addresses each
 * have an entry; a new address takes over the entry with the lowest count, and
 * that count as its possible error. So what an address has beyond its error
 * was certainly its own, and a flood from random addresses shows none. Counts
 * fade fast, so that shares are those of now, as the rates beside them are, and
 * an attacker who has gone leaves the list; a hundred samples a second are
 * enough for that.
 */
#ifndef TOP_SOURCES_H
#define TOP_SOURCES_H

#include <stddef.h>

#include "text/addr.h"

enum { TOP_SOURCES_MAX = 256, TOP_SOURCES_FADE_S = 2 };

struct top_source {
	char addr[ADDR_STRLEN];
	double count, error; /* samples, faded */
};

/* All zero to begin with. */
struct top_sources {
	size_t n;
	double total; /* of all samples, faded like the counts */
	struct top_source entry[TOP_SOURCES_MAX];
};

/* Counts one sample from "192.0.2.1:40000" or "[2001:db8::1]:40000". */
void top_sources_add(struct top_sources *s, const char *client);

/* So many seconds have gone by; in TOP_SOURCES_FADE_S counts halve. */
void top_sources_fade(struct top_sources *s, double seconds);

/*
 * Puts those that stand out into the first entries, most frequent first;
 * returns how many they are.
 */
size_t top_sources_rank(struct top_sources *s);

/* The part of all samples, 0 to 1, that is certainly this source's. */
double top_sources_share(const struct top_sources *s,
			 const struct top_source *source);

#endif
