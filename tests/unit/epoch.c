/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: a thousand nodes that share a secret, simulated. Their
 * clocks drift, less than half an epoch apart; their daemons sleep for up to
 * ten epochs; a secret is replaced step by step, each node when it likes within
 * the step. The rule of synkeeper/epoch.h and the derivation are the real ones,
 * the cookie is reduced to its epoch bit and its key: a hash that is hit by
 * chance is not what is tried here.
 */
#include "random.h"
#include "secret/secret.h"
#include "synkeeper/abi.h"
#include "testmain.h"

#define SECOND	1000000000LL
#define L	(EPOCH_SECONDS * SECOND)
#define BEGIN	(27000000LL * L)
#define SKEW	(L / 2) /* clocks are less than this apart */
#define STEPS_S 600	/* a rollout: 600 s for each step's nodes */

enum { NODES = 1000, HANDSHAKES = 200000 };

/* What a node's files hold by @step of the rollout, as secrets_*() leave it. */
struct node {
	__s64 offset, drift; /* of its clock: ns, ns a second */
	__s64 took[3];	     /* when it took each step */
	__s64 asleep, awake; /* its daemon: writes no keys meanwhile */
};

struct cookie_of {
	struct siphash_key key;
	__u32 bit;
	__s64 clock; /* of the node that made it */
};

struct world {
	struct random random;
	struct node node[NODES];
	struct secret a, b;
};

static __s64 below(struct random *r, __s64 n)
{
	return (__s64)(random_u64(r) % (__u64)n);
}

static __s64 clock_of(const struct node *n, __s64 now)
{
	return now + n->offset + (now - BEGIN) / SECOND * n->drift;
}

/* The last epoch whose key the node's map has. */
static __u64 last_key(const struct node *n, __s64 now)
{
	__s64 written = now >= n->asleep && now < n->awake ? n->asleep : now;

	return epoch_of(epoch_half(clock_of(n, written))) + EPOCH_KEYS_AHEAD;
}

static int step_of(const struct node *n, __s64 now)
{
	int step = 0;

	while (step < 3 && now >= n->took[step])
		step++;
	return step;
}

static bool make(const struct world *w, const struct node *n, __s64 now,
		 struct cookie_of *ret)
{
	__s64 clock = clock_of(n, now);
	__u64 e = epoch_of(epoch_half(clock));

	ret->bit = e & 1;
	ret->clock = clock;
	secret_derive(step_of(n, now) >= 2 ? &w->b : &w->a, e, &ret->key);
	return e <= last_key(n, now);
}

/* *@ret_keys: how many keys the cookie could have been of. */
static bool check(const struct world *w, const struct node *n, __s64 now,
		  const struct cookie_of *c, int *ret_keys)
{
	__u64 e = epoch_for_bit(epoch_half(clock_of(n, now)), c->bit);
	const struct secret *secrets[3] = {};
	int step = step_of(n, now), i, k = 0;
	struct siphash_key key;
	bool found = false;

	if (step < 3)
		secrets[k++] = &w->a;
	if (step > 0)
		secrets[k++] = &w->b;
	for (i = 0; i < k; i++) {
		secret_derive(secrets[i], e, &key);
		found = found || !memcmp(&key, &c->key, sizeof(key));
	}
	*ret_keys = 2 * k; /* one for either bit */
	return found && e <= last_key(n, now);
}

static void make_world(struct world *w, __u64 seed)
{
	__s64 at = BEGIN + 100 * SECOND;
	size_t i;
	int s;

	*w = (struct world){ .a = { .bytes = { 1 } }, .b = { .bytes = { 2 } } };
	w->random.state = seed;
	for (i = 0; i < NODES; i++) {
		struct node *n = &w->node[i];

		/* with an hour's drift less than SKEW between any two */
		n->offset = below(&w->random, SKEW - SECOND) - SKEW / 2;
		n->drift = below(&w->random, 200000) - 100000;
		n->asleep = BEGIN + below(&w->random, 1800 * SECOND);
		n->awake = n->asleep + below(&w->random, 10 * L);
		/* a step begins once all nodes took the one before ... */
		for (s = 0; s < 3; s++)
			n->took[s] =
				at + s * STEPS_S * SECOND +
				below(&w->random, (STEPS_S - 200) * SECOND);
		/* ... and 200 s, more than 3L/2 + SKEW: cookies are gone */
	}
}

static void a_thousand_nodes(void **state)
{
	static struct world w;
	int i, in_time = 0, old = 0;

	(void)state;
	make_world(&w, 1);
	for (i = 0; i < HANDSHAKES; i++) {
		const struct node *from = &w.node[below(&w.random, NODES)];
		const struct node *to = &w.node[below(&w.random, NODES)];
		__s64 now = BEGIN + below(&w.random, 2000 * SECOND);
		__s64 later = now + below(&w.random, 3 * L), ahead;
		struct cookie_of c;
		bool accepted;
		int keys;

		if (!make(&w, from, now, &c))
			fail_msg("%lld s: no key", (long long)(now - BEGIN));
		accepted = check(&w, to, later, &c, &keys);
		/* what has passed by the clock of the one that checks */
		ahead = clock_of(to, later) - c.clock;
		if (!accepted && later - now < L / 2 && ahead < L / 2)
			fail_msg("lost: made at %lld ms, %lld ms old, by the "
				 "other clock %lld ms",
				 (long long)(now - BEGIN) / 1000000,
				 (long long)(later - now) / 1000000,
				 (long long)ahead / 1000000);
		if (accepted && ahead >= 3 * L / 2)
			fail_msg("accepted %lld ms after it was made, by the "
				 "clock of the node that checked it",
				 (long long)ahead / 1000000);
		if (keys > (step_of(to, later) % 3 ? 4 : 2))
			fail_msg("%d keys count", keys);
		in_time += later - now < L / 2;
		old += ahead >= 3 * L / 2;
	}
	if (in_time < HANDSHAKES / 10 || old < HANDSHAKES / 10)
		fail_msg("too few: %d in time, %d old", in_time, old);
}

/* With clocks that agree, half an epoch is enough, to the nanosecond. */
static void exact_bounds(void **state)
{
	static const struct {
		const char *what;
		__s64 made, checked;
		bool want;
	} rows[] = {
		{ "at once", 0, 0, true },
		{ "first to last of its epoch", 0, L - 1, true },
		{ "L/2 after the last", L - 1, L - 1 + L / 2, true },
		{ "after 3L/2", 0, 3 * L / 2, false },
		{ "before 3L/2", 0, 3 * L / 2 - 1, true },
		{ "after 2L", 0, 2 * L, false },
		{ "after 4L", 0, 4 * L, false },
		{ "L/2 behind", 0, -L / 2, true },
		{ "more than L/2 behind", 0, -L / 2 - 1, false },
	};
	size_t i, odd;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (odd = 0; odd < 2; odd++) {
			__u64 t = BEGIN + odd * L;
			__u64 e = epoch_of(epoch_half(t + rows[i].made));
			__u64 half = epoch_half(t + rows[i].checked);
			bool got = epoch_for_bit(half, e & 1) == e;

			if (got != rows[i].want)
				fail_msg("%s: expected %d, got %d",
					 rows[i].what, rows[i].want, got);
		}
}

/* Bits and places never meet in the map. */
static void places_in_the_map(void **state)
{
	bool used[EPOCH_PLACES * EPOCH_KEYS] = {};
	__u64 e;
	__u32 place;

	(void)state;
	for (place = 0; place < EPOCH_PLACES; place++)
		for (e = 100; e < 100 + EPOCH_KEYS; e++) {
			__u32 at = epoch_key_at(place, e);

			assert_in_range(at, 0, EPOCH_PLACES * EPOCH_KEYS - 1);
			assert_false(used[at]);
			used[at] = true;
		}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(exact_bounds),
	cmocka_unit_test(places_in_the_map),
	cmocka_unit_test(a_thousand_nodes),
};

TEST_MAIN(tests)
