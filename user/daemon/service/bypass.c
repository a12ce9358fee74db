/* SPDX-License-Identifier: GPL-2.0-only */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bypass.h"
#include "control/request.h"
#include "log.h"

enum {
	COST_MAX = 16384, /* rules in one look, or one service's */
	LOGGED_MAX = 16,  /* warnings for one change of the rules */
	RULES_MAX = 4,	  /* shown for a service */
};

struct texts {
	char list[RULES_MAX][NF_TEXT_LEN];
	size_t n;
};

/* What is known of the service with one id. */
struct known {
	__u64 of; /* state of the host; 0: nothing yet */
	struct listen listen;
	struct texts *texts; /* NULL: none */
	struct service_rewrites rewrites;
};

struct bypasses {
	struct known by_id[SERVICES_MAX];
	__u64 state; /* hash of all that findings depend on */
	unsigned int logged;
};

int bypasses_init(struct bypasses **ret)
{
	*ret = calloc(1, sizeof(**ret));
	return *ret ? 0 : -ENOMEM;
}

void bypasses_free(struct bypasses *b)
{
	size_t i;

	for (i = 0; b && i < SERVICES_MAX; i++)
		free(b->by_id[i].texts);
	free(b);
}

/* FNV-1a */
static __u64 hash(__u64 h, const void *data, size_t len)
{
	const __u8 *at = data;

	while (len--)
		h = (h ^ *at++) * 1099511628211ULL;
	return h;
}

static __u64 state_of(const struct nat *nat, const struct ifaces *f)
{
	unsigned int version = nat_version(nat);
	__u64 h = hash(14695981039346656037ULL, &version, sizeof(version));
	size_t i;

	for (i = 0; i < f->n; i++)
		h = hash(h, f->list[i].name, strlen(f->list[i].name) + 1);
	return h ? h : 1;
}

static bool has_text(const struct texts *t, const char *text)
{
	size_t i;

	for (i = 0; t && i < t->n; i++)
		if (!strcmp(t->list[i], text))
			return true;
	return false;
}

static void add(struct texts *t, const struct nf_findings *found)
{
	size_t i;

	for (i = 0; i < found->n; i++) {
		const struct nf_finding *f = &found->list[i];

		if (f->sure && f->kind != NF_KIND_TPROXY && t->n < RULES_MAX &&
		    !has_text(t, f->text))
			memcpy(t->list[t->n++], f->text, NF_TEXT_LEN);
	}
}

/* Of several interfaces: the smallest MSS, and a DSCP that all agree on. */
static void join(struct nf_rewrite *to, const struct nf_rewrite *from,
		 bool first)
{
	if (from->mss && (!to->mss || from->mss < to->mss))
		to->mss = from->mss;
	if (first) {
		to->tos = from->tos;
		to->tos_mask = from->tos_mask;
	} else if (to->tos != from->tos || to->tos_mask != from->tos_mask) {
		to->tos = to->tos_mask = 0;
	}
}

/* Of all interfaces and families. Returns what it cost. */
static unsigned int find(const struct nat *nat, const struct ifaces *f,
			 const struct service *svc, struct texts *ret,
			 struct service_rewrites *rewrites)
{
	const struct listen *l = &svc->listen;
	struct nf_findings found;
	struct nf_rewrite rewrite;
	unsigned int cost = 0;
	size_t i;
	int v4;

	for (i = 0; i < f->n; i++) {
		for (v4 = 0; v4 < 2 && cost < COST_MAX; v4++) {
			const struct nf_asked asked = {
				.v4 = v4,
				.addr = l->wildcard ? NULL : l->addr,
				.port = l->port,
				.iface = f->list[i].name
			};

			if (!l->wildcard && addr_is_v4(l->addr) != v4)
				continue;
			nat_judge(nat, &asked, &found);
			cost += found.cost + 1;
			add(ret, &found);
			cost += nat_rewrites(nat, &asked, &rewrite);
			join(&rewrites->by_v4[v4], &rewrite, !i);
		}
	}
	return cost;
}

static void log_new(struct bypasses *b, const struct service *svc,
		    const struct texts *had, const struct texts *now)
{
	char text[LISTEN_STRLEN];
	size_t i;

	listen_format(&svc->listen, text);
	for (i = 0; i < now->n; i++) {
		if (has_text(had, now->list[i]) || b->logged > LOGGED_MAX)
			continue;
		if (b->logged++ == LOGGED_MAX)
			log_warn("more firewall rules refuse only SYNs: see "
				 "synkeeper service list");
		else
			log_warn(
				"%s: a firewall rule refuses some of its SYNs: "
				"%s: they pass until there is a flood, which "
				"bypasses the rule (synkeeper check tells the "
				"way out)",
				text, now->list[i]);
	}
	for (i = 0; had && i < had->n; i++)
		if (!has_text(now, had->list[i]) && b->logged < LOGGED_MAX)
			log_info("%s: no longer bypassed: %s", text,
				 had->list[i]);
}

static unsigned int look_at(struct bypasses *b, const struct nat *nat,
			    const struct ifaces *f, const struct service *svc)
{
	struct known *k = &b->by_id[svc->id];
	struct texts now = {}, *had = k->texts;
	struct service_rewrites rewrites = {};
	unsigned int cost;

	if (k->of == b->state && listen_equal(&k->listen, &svc->listen))
		return 0;
	if (k->of && !listen_equal(&k->listen, &svc->listen)) {
		free(k->texts); /* another service's */
		k->texts = had = NULL;
	}
	cost = svc->policy == POLICY_OFF || svc->drain_until_ns
		       ? 1
		       : find(nat, f, svc, &now, &rewrites);
	log_new(b, svc, had, &now);
	k->texts = now.n ? malloc(sizeof(now)) : NULL;
	if (k->texts)
		*k->texts = now;
	free(had);
	k->rewrites = rewrites;
	k->of = b->state;
	k->listen = svc->listen;
	return cost;
}

void bypasses_look(struct bypasses *b, const struct nat *nat,
		   const struct ifaces *ifaces, struct services *s)
{
	__u64 state = state_of(nat, ifaces);
	const struct service *svc = NULL;
	unsigned int cost = 0;

	if (state != b->state) {
		b->state = state;
		b->logged = 0;
	}
	while ((svc = services_next(s, svc)) && cost < COST_MAX) {
		cost += look_at(b, nat, ifaces, svc);
		services_yield(s, svc->id, b->by_id[svc->id].texts);
		services_rewrite(s, svc->id, &b->by_id[svc->id].rewrites);
	}
}

static const struct texts *texts_of(const struct bypasses *b,
				    const struct service *svc)
{
	const struct known *k = &b->by_id[svc->id];

	return listen_equal(&k->listen, &svc->listen) ? k->texts : NULL;
}

json_t *bypasses_json(const struct bypasses *b, const struct service *svc)
{
	const struct texts *t = texts_of(b, svc);
	json_t *list = json_array();
	size_t i;

	for (i = 0; t && i < t->n; i++)
		json_array_append_new(list, request_text(t->list[i]));
	return list;
}

void bypasses_health(const struct bypasses *b, const struct services *s,
		     json_t *list)
{
	const struct service *svc = NULL;
	char text[LISTEN_STRLEN], line[NF_TEXT_LEN + 128];

	while ((svc = services_next(s, svc))) {
		const struct texts *t = texts_of(b, svc);

		if (!t)
			continue;
		snprintf(line, sizeof(line),
			 "%s: a firewall rule refuses some of its SYNs, %s: "
			 "%s%s",
			 listen_format(&svc->listen, text),
			 svc->why == WHY_ARMED ? "but is bypassed in a flood"
					       : "so they pass",
			 t->list[0], t->n > 1 ? ", ..." : "");
		json_array_append_new(list, request_text(line));
	}
}
