/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: what the tests of cookies share: two keys, a tuple, a
 * client's ISN, and handshakes in words. Keys and tuples are random, but the
 * same in every run.
 */
#ifndef COOKIES_H
#define COOKIES_H

#include <stdio.h>

#include "random.h"
#include "synkeeper/cookie.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* A receiver's view: the ACK names the key slot itself. */
struct world {
	struct siphash_key keys[2];
	struct tuple t;
	uint32_t isn; /* the client's */
	bool v4;
};

static inline struct world world_new(uint64_t seed, bool v4)
{
	struct random r = { seed };
	struct world w = { .v4 = v4 };

	w.keys[0] = random_key(&r);
	w.keys[1] = random_key(&r);
	w.t = random_tuple(&r, v4);
	w.isn = random_u32(&r);
	return w;
}

/* *@hs becomes what the cookie keeps of it. */
static inline struct cookie make(const struct world *w, uint32_t epoch,
				 struct handshake *hs)
{
	struct cookie c;

	cookie_make(&w->keys[epoch & 1], epoch & 1, 0, &w->t, w->isn, hs, &c);
	if (!hs->ts)
		cookie_unprofile(w->v4, c.isn & COOKIE_PROFILE_MASK, hs);
	return c;
}

static inline bool check(const struct world *w, struct cookie *c, bool ts,
			 struct handshake *hs)
{
	return cookie_check(&w->keys[cookie_slot(c->isn)], 0, &w->t, w->isn, c,
			    ts, hs);
}

static inline bool same(const struct handshake *a, const struct handshake *b)
{
	return a->mss == b->mss && a->wscale == b->wscale &&
	       a->sack == b->sack && a->ecn == b->ecn && a->ts == b->ts;
}

struct text {
	char s[80];
};

static inline struct text text_of(const struct handshake *hs)
{
	struct text t;

	snprintf(t.s, sizeof(t.s), "mss %u wscale %u sack %u ecn %u ts %u",
		 hs->mss, hs->wscale, hs->sack, hs->ecn, hs->ts);
	return t;
}

#endif
