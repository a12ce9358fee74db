/* SPDX-License-Identifier: GPL-2.0-only */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "attacks.h"
#include "kernel/clock.h"
#include "log.h"
#include "loop/timer.h"
#include "maps/stats.h"

struct of_service {
	struct listen listen; /* port 0: id never used */
	struct attack kind[ATTACK_KINDS];
};

struct attacks {
	struct attacks_deps deps;
	sd_event_source *timer;
	struct of_service of[SERVICES_MAX]; /* by id */
	struct counters counters[SERVICES_MAX];
	struct counters monitored[SERVICES_MAX];
};

static bool in_service(const struct service *svc)
{
	return svc && svc->id && !svc->drain_until_ns;
}

static void log_changes(const struct listen *listen, enum attack_kind kind,
			const struct attack *a, enum attack_changes changes)
{
	char text[LISTEN_STRLEN], rate[ATTACK_RATE_STRLEN],
		lasted[DURATION_STRLEN];
	__u64 seconds = (a->high_ns - a->began_ns + 500000000) / 1000000000;

	listen_format(listen, text);
	attack_rate_format(changes == ATTACK_BEGAN ? a->rate : a->peak, rate);
	if (changes == ATTACK_BEGAN)
		log_warn("%s: %s began: %s", text, attack_text(kind), rate);
	else
		log_warn("%s: %s ended: peak %s, %llu packets in %s", text,
			 attack_text(kind), rate, a->total,
			 duration_format(seconds < 4000000 ? seconds * 1000
							   : 4000000000,
					 lasted));
}

/* The id's service is gone or replaced. */
static void forget(struct of_service *of)
{
	int kind;

	for (kind = 0; kind < ATTACK_KINDS; kind++)
		if (attack_stop(&of->kind[kind]) == ATTACK_ENDED)
			log_changes(&of->listen, kind, &of->kind[kind],
				    ATTACK_ENDED);
	*of = (struct of_service){};
}

static void look_at(struct attacks *s, const struct service *svc, __u64 now)
{
	const struct counters *c = &s->counters[svc->id];
	const struct counters *monitored = &s->monitored[svc->id];
	struct of_service *of = &s->of[svc->id];
	struct attack_look look = { .clock_ns = now };
	enum attack_changes changes;
	int kind;

	if (of->listen.port && !listen_equal(&of->listen, &svc->listen))
		forget(of);
	of->listen = svc->listen;
	for (kind = 0; kind < ATTACK_KINDS; kind++) {
		attack_count(kind, c, monitored, &look);
		changes = attack_step(&of->kind[kind], s->deps.limits->syn_rate,
				      &look);
		if (changes)
			log_changes(&svc->listen, kind, &of->kind[kind],
				    changes);
	}
}

static void forget_those_gone(struct attacks *s)
{
	bool there[SERVICES_MAX] = {};
	const struct service *svc = NULL;
	size_t id;

	while ((svc = services_next(s->deps.services, svc)))
		there[svc->id] = in_service(svc);
	for (id = 0; id < SERVICES_MAX; id++)
		if (s->of[id].listen.port && !there[id])
			forget(&s->of[id]);
}

/*
 * From the first service to the last: all possible ones are megabytes per CPU.
 */
static int read_counters(struct attacks *s)
{
	const struct service *svc = NULL;
	__u32 first = 0, last = 0;
	int err;

	while ((svc = services_next(s->deps.services, svc))) {
		first = first ? first : svc->id;
		last = svc->id;
	}
	if (!last)
		return 0;
	err = stats_read(s->deps.loader, MAP_COUNTERS, first, last - first + 1,
			 &s->counters[first]);
	return err ? err
		   : stats_read(s->deps.loader, MAP_MONITORED, first,
				last - first + 1, &s->monitored[first]);
}

static int on_look(sd_event_source *source, uint64_t when, void *data)
{
	const struct service *svc = NULL;
	struct attacks *s = data;
	__u64 now = clock_ns();
	int err = read_counters(s);

	(void)when;
	if (err) /* the next reading covers a longer time */
		log_warn("cannot detect attacks: %s", strerror(-err));
	while (!err && (svc = services_next(s->deps.services, svc)))
		if (in_service(svc))
			look_at(s, svc, now);
	forget_those_gone(s);
	return timer_set(source, ATTACK_LOOK_MS * 1000);
}

int attacks_start(const struct attacks_deps *deps, struct attacks **ret)
{
	struct attacks *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return -ENOMEM;
	s->deps = *deps;
	err = timer_add(deps->loop, &s->timer, TIMER_LAZY, on_look, s);
	if (!err)
		err = timer_set(s->timer, 0);
	if (err) {
		log_err("cannot detect attacks: %s", strerror(-err));
		attacks_stop(s);
		return err;
	}
	*ret = s;
	return 0;
}

void attacks_stop(struct attacks *s)
{
	if (!s)
		return;
	timer_free(s->timer);
	free(s);
}

/* ---- what is told ---- */

const struct attack *attacks_of(const struct attacks *s,
				const struct service *svc,
				enum attack_kind kind)
{
	return s ? &s->of[svc->id].kind[kind] : NULL;
}

typedef void (*attack_fn)(const struct service *svc, enum attack_kind kind,
			  const struct attack *a, json_t *list);

static void each_running(const struct attacks *s, attack_fn fn, json_t *list)
{
	const struct service *svc = NULL;
	const struct attack *a;
	int kind;

	while (s && (svc = services_next(s->deps.services, svc)))
		for (kind = 0; in_service(svc) && kind < ATTACK_KINDS; kind++) {
			a = attacks_of(s, svc, kind);
			if (a && a->running)
				fn(svc, kind, a, list);
		}
}

static void add_json(const struct service *svc, enum attack_kind kind,
		     const struct attack *a, json_t *list)
{
	char text[LISTEN_STRLEN];
	json_int_t seconds = (clock_ns() - a->began_ns) / 1000000000;

	json_array_append_new(
		list, json_pack("{s:s,s:s,s:s,s:I,s:I,s:I,s:I}", "listen",
				listen_format(&svc->listen, text), "name",
				svc->name, "kind", attack_label(kind), "rate",
				(json_int_t)a->rate, "peak",
				(json_int_t)a->peak, "total",
				(json_int_t)a->total, "duration_s", seconds));
}

static void add_sentence(const struct service *svc, enum attack_kind kind,
			 const struct attack *a, json_t *list)
{
	char text[LISTEN_STRLEN], rate[ATTACK_RATE_STRLEN], line[128];

	snprintf(line, sizeof(line), "%s is under %s, %s",
		 listen_format(&svc->listen, text), attack_text(kind),
		 attack_rate_format(a->rate, rate));
	json_array_append_new(list, json_string(line));
}

json_t *attacks_json(const struct attacks *s)
{
	json_t *list = json_array();

	each_running(s, add_json, list);
	return list;
}

void attacks_health(const struct attacks *s, json_t *list)
{
	each_running(s, add_sentence, list);
}
