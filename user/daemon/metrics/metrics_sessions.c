/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the session stats as metrics; see metrics.h. States, or
 * end causes, with the same name are counted as one, as in `synkeeper session
 * totals`.
 */
#include <string.h>

#include "metrics_page.h"

enum { KINDS_MAX = 16 };

struct kinds {
	size_t n;
	struct {
		const char *name;
		__u64 count;
	} kind[KINDS_MAX];
};

static void add_kind(struct kinds *k, const char *name, __u64 count)
{
	size_t i = 0;

	while (i < k->n && strcmp(k->kind[i].name, name) != 0)
		i++;
	if (i == k->n)
		k->kind[k->n++].name = name;
	k->kind[i].count += count;
}

/* Was there ever a session, or is there an entry that is none? */
static bool has_sessions(const struct metrics_row *r)
{
	static const struct session_totals none;

	return r->service && memcmp(&r->totals, &none, sizeof(none)) != 0;
}

static void put_kinds(const struct metrics_page *p, const char *label,
		      void (*count)(const struct session_totals *t,
				    struct kinds *k))
{
	const struct metrics_row *r;
	size_t i;

	for (r = p->rows; r < p->rows + p->n_rows; r++) {
		struct kinds k = {};

		if (!has_sessions(r))
			continue;
		count(&r->totals, &k);
		for (i = 0; i < k.n; i++)
			metrics_sample(p, (double)k.kind[i].count,
				       "{%s,%s=\"%s\"}", r->labels, label,
				       k.kind[i].name);
	}
}

static void count_states(const struct session_totals *t, struct kinds *k)
{
#define X(name, text)                        \
	if (session_is_live(SESSION_##name)) \
		add_kind(k, text, t->alive[SESSION_##name]);
	SYNKEEPER_STATES(X)
#undef X
}

static void count_remnants(const struct session_totals *t, struct kinds *k)
{
#define X(name, text)                         \
	if (SESSION_##name != SESSION_FREE && \
	    !session_is_live(SESSION_##name)) \
		add_kind(k, text, t->alive[SESSION_##name]);
	SYNKEEPER_STATES(X)
#undef X
}

static void count_opened(const struct session_totals *t, struct kinds *k)
{
#define X(name, event, by, text)        \
	if (session_is_open(EV_##name)) \
		add_kind(k, event, t->events[EV_##name]);
	SYNKEEPER_EVENTS(X)
#undef X
}

static void count_ended(const struct session_totals *t, struct kinds *k)
{
#define X(name, event, by, text)       \
	if (session_is_end(EV_##name)) \
		add_kind(k, event, t->events[EV_##name]);
	SYNKEEPER_EVENTS(X)
#undef X
}

void metrics_states(const struct metrics_page *p)
{
	put_kinds(p, "state", count_states);
}

void metrics_remnants(const struct metrics_page *p)
{
	put_kinds(p, "state", count_remnants);
}

void metrics_opened(const struct metrics_page *p)
{
	put_kinds(p, "event", count_opened);
}

void metrics_ended(const struct metrics_page *p)
{
	put_kinds(p, "cause", count_ended);
}

static void put_durations(const struct metrics_page *p,
			  const struct metrics_row *r)
{
	static const unsigned int bounds_ms[] = {
#define X(ms) ms,
		SYNKEEPER_DURATIONS(X)
#undef X
	};
	const struct session_totals *t = &r->totals;
	__u64 n = 0;
	int i;

	for (i = 0; i < DURATIONS - 1; i++) {
		n += t->durations[i];
		metrics_sample(p, (double)n, "_bucket{%s,le=\"%g\"}", r->labels,
			       bounds_ms[i] / 1000.0);
	}
	n += t->durations[i];
	metrics_sample(p, (double)n, "_bucket{%s,le=\"+Inf\"}", r->labels);
	metrics_sample(p, (double)t->duration_ticks * (1 << TICK_SHIFT) / 1e9,
		       "_sum{%s}", r->labels);
	metrics_sample(p, (double)n, "_count{%s}", r->labels);
}

void metrics_durations(const struct metrics_page *p)
{
	const struct metrics_row *r;

	for (r = p->rows; r < p->rows + p->n_rows; r++)
		if (has_sessions(r))
			put_durations(p, r);
}

void metrics_alive(const struct metrics_page *p)
{
	metrics_sample(p, (double)totals_alive(&p->all), "%s", "");
}

void metrics_max(const struct metrics_page *p)
{
	metrics_sample(p, (double)sessions_max(p->from->sessions), "%s", "");
}

void metrics_lost(const struct metrics_page *p)
{
	metrics_sample(p, (double)p->all.lost, "%s", "");
}
