/* SPDX-License-Identifier: GPL-2.0-only */
/* The JSON is documented in libnftables-json(5). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rules_match.h"

enum {
	NEXT = 1 << 8,	 /* the rule after this one */
	RETURN = 1 << 9, /* the end of the chain */
	DEPTH_MAX = 16,	 /* of jumps, as in the kernel */
	STEPS_MAX = 1 << 20,
	CHAIN_NAME = 256,
	PRIO_CONNTRACK = -200,
};

struct base {
	json_t *chain;
	char name[CHAIN_NAME];
	int hook; /* 0 prerouting, 1 input */
	int prio;
};

struct rules {
	json_t *ruleset;
	json_t *chains; /* "inet filter input": array of rules */
	struct base *bases;
	size_t n_bases;
	/* state of the current walk */
	struct rules_packet p;
	const char *family, *table;
	unsigned int steps;
	bool before_conntrack;
};

/* ---- parsing ---- */

static int hook_of(const json_t *chain)
{
	static const char *const hooks[] = { "prerouting", "input" };
	int i;

	for (i = 0; i < 2; i++)
		if (!strcmp(rules_text(chain, "hook"), hooks[i]))
			return i;
	return -1;
}

static bool of_family(const json_t *object, bool v6)
{
	const char *family = rules_text(object, "family");

	return !strcmp(family, "inet") || !strcmp(family, v6 ? "ip6" : "ip");
}

static int add_chain(struct rules *r, json_t *chain)
{
	char name[CHAIN_NAME];
	struct base *more;

	snprintf(name, sizeof(name), "%s %s %s", rules_text(chain, "family"),
		 rules_text(chain, "table"), rules_text(chain, "name"));
	json_object_set_new(r->chains, name, json_array());
	if (hook_of(chain) < 0)
		return 0;
	more = reallocarray(r->bases, r->n_bases + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	r->bases = more;
	more += r->n_bases++;
	*more = (struct base){
		.chain = chain,
		.hook = hook_of(chain),
		.prio = (int)json_integer_value(json_object_get(chain, "prio")),
	};
	memcpy(more->name, name, sizeof(name));
	return 0;
}

static void add_rule(struct rules *r, json_t *rule)
{
	char name[CHAIN_NAME];

	snprintf(name, sizeof(name), "%s %s %s", rules_text(rule, "family"),
		 rules_text(rule, "table"), rules_text(rule, "chain"));
	json_array_append(json_object_get(r->chains, name),
			  json_object_get(rule, "expr"));
}

static int by_order(const void *a, const void *b)
{
	const struct base *x = a, *y = b;

	if (x->hook != y->hook)
		return x->hook - y->hook;
	return x->prio < y->prio ? -1 : x->prio > y->prio;
}

int rules_new(json_t *ruleset, struct rules **ret)
{
	const json_t *list = json_object_get(ruleset, "nftables");
	struct rules *r = calloc(1, sizeof(*r));
	json_t *one, *what;
	int err = 0;
	size_t i;

	if (!r)
		return -ENOMEM;
	r->ruleset = json_incref(ruleset);
	r->chains = json_object();
	/* chains come before their rules */
	json_array_foreach (list, i, one) {
		what = json_object_get(one, "chain");
		if (what && !err)
			err = add_chain(r, what);
		what = json_object_get(one, "rule");
		if (what)
			add_rule(r, what);
	}
	if (err) {
		rules_free(r);
		return err;
	}
	if (r->n_bases)
		qsort(r->bases, r->n_bases, sizeof(*r->bases), by_order);
	*ret = r;
	return 0;
}

void rules_free(struct rules *r)
{
	if (!r)
		return;
	json_decref(r->chains);
	json_decref(r->ruleset);
	free(r->bases);
	free(r);
}

/* ---- walking ---- */

static unsigned int walk(struct rules *r, const char *name, int depth);

static unsigned int go(struct rules *r, const json_t *to, int depth)
{
	char name[CHAIN_NAME];

	snprintf(name, sizeof(name), "%s %s %s", r->family, r->table,
		 rules_text(to, "target"));
	return walk(r, name, depth + 1);
}

/* The outcomes of a verdict statement; 0 if it is not one. */
static unsigned int verdict(struct rules *r, const char *key, const json_t *arg,
			    int depth)
{
	static const struct {
		const char *key;
		unsigned int outcomes;
	} ends[] = {
		{ "accept", RULES_ACCEPT },
		{ "drop", RULES_DROP },
		{ "reject", RULES_DROP },
		{ "return", RETURN },
		{ "continue", NEXT },
		{ "redirect", RULES_ACCEPT },
		{ "dnat", RULES_ACCEPT },
		{ "tproxy", RULES_ACCEPT },
		{ "queue", RULES_ACCEPT | RULES_DROP },
	};
	unsigned int out;
	size_t i;

	for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (!strcmp(key, ends[i].key))
			return ends[i].outcomes;
	if (!strcmp(key, "synproxy")) /* it accepts only its own ACKs */
		return strcmp(r->p.flags, "syn") ? RULES_DROP : RULES_ACCEPT;
	if (!strcmp(key, "goto"))
		return go(r, arg, depth);
	if (!strcmp(key, "jump")) {
		out = go(r, arg, depth);
		return out & RETURN ? (out & ~RETURN) | NEXT : out;
	}
	return 0;
}

/* {"key": FIELD, "data": {"set": [[VALUE, {"accept": null}], ...]}} */
static unsigned int verdict_map(struct rules *r, const json_t *map, int depth)
{
	const json_t *field = json_object_get(map, "key");
	const json_t *set =
		json_object_get(json_object_get(map, "data"), "set");
	unsigned int out = 0, v;
	const char *key;
	json_t *pair, *arg;
	size_t i;

	if (!set) /* a named map */
		return RULES_ACCEPT | RULES_DROP | NEXT;
	json_array_foreach (set, i, pair) {
		enum rules_truth t =
			rules_equals(&r->p, field, json_array_get(pair, 0));

		if (t == RULES_NO)
			continue;
		json_object_foreach (json_array_get(pair, 1), key, arg) {
			v = verdict(r, key, arg, depth);
			out |= v ? v : NEXT;
		}
		if (t == RULES_YES)
			return out;
	}
	return out | NEXT;
}

static void notrack(struct rules *r, enum rules_truth held)
{
	if (r->before_conntrack)
		r->p.state = held == RULES_YES ? "untracked" : NULL;
}

/* Statements after which evaluation of the rule always continues. */
static bool is_aside(const char *key)
{
	static const char *const asides[] = {
		"counter",    "log",	   "mangle",	 "comment",
		"dup",	      "ct helper", "ct timeout", "secmark",
		"masquerade", "snat",	   "flow"
	};
	size_t i;

	for (i = 0; i < sizeof(asides) / sizeof(asides[0]); i++)
		if (!strcmp(key, asides[i]))
			return true;
	return false;
}

/* The outcomes of one rule for the packet. */
static unsigned int apply(struct rules *r, const json_t *rule, int depth)
{
	enum rules_truth held = RULES_YES, t;
	unsigned int out;
	json_t *statement, *arg;
	const char *key;
	size_t i;

	json_array_foreach (rule, i, statement) {
		key = json_object_iter_key(json_object_iter(statement));
		if (!key)
			continue;
		arg = json_object_get(statement, key);
		if (!strcmp(key, "match")) {
			t = rules_match(&r->p, arg);
			if (t == RULES_NO)
				return NEXT;
			held = t < held ? t : held;
			continue;
		}
		if (!strcmp(key, "notrack")) {
			notrack(r, held);
			continue;
		}
		out = !strcmp(key, "vmap") ? verdict_map(r, arg, depth)
					   : verdict(r, key, arg, depth);
		if (out)
			return held == RULES_YES ? out : out | NEXT;
		if (!is_aside(key))
			held = RULES_MAYBE; /* limits, sets, xtables matches */
	}
	return NEXT;
}

/* The outcomes of a chain; RETURN: its end was reached. */
static unsigned int walk(struct rules *r, const char *name, int depth)
{
	unsigned int out = 0, v;
	json_t *rule;
	size_t i;

	if (depth > DEPTH_MAX)
		return RULES_ACCEPT | RULES_DROP;
	json_array_foreach (json_object_get(r->chains, name), i, rule) {
		if (++r->steps > STEPS_MAX)
			return RULES_ACCEPT | RULES_DROP;
		v = apply(r, rule, depth);
		out |= v & ~NEXT;
		if (!(v & NEXT))
			return out;
	}
	return out | RETURN;
}

static bool concerns(const struct rules *r, const struct base *b)
{
	bool tracked = r->p.state && strcmp(r->p.state, "invalid") != 0 &&
		       strcmp(r->p.state, "untracked") != 0;

	if (!strcmp(rules_text(b->chain, "type"), "nat") && !tracked)
		return false;
	return of_family(b->chain, r->p.v6);
}

unsigned int rules_outcomes(struct rules *r, const struct rules_packet *p,
			    const char **ret_where)
{
	unsigned int all = 0, out;
	size_t i;

	r->p = *p;
	r->steps = 0;
	*ret_where = NULL;
	for (i = 0; i < r->n_bases; i++) {
		const struct base *b = &r->bases[i];

		if (!concerns(r, b))
			continue;
		r->family = rules_text(b->chain, "family");
		r->table = rules_text(b->chain, "table");
		r->before_conntrack = !b->hook && b->prio < PRIO_CONNTRACK;
		out = walk(r, b->name, 0);
		if (out & RETURN)
			out |= strcmp(rules_text(b->chain, "policy"), "drop")
				       ? RULES_ACCEPT
				       : RULES_DROP;
		if (out & RULES_DROP && !*ret_where)
			*ret_where = b->name;
		all |= out & RULES_DROP;
		if (!(out & RULES_ACCEPT))
			return all;
	}
	return all | RULES_ACCEPT;
}
