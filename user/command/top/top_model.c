/* SPDX-License-Identifier: GPL-2.0-only */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "out/rates.h"
#include "text/json_text.h"
#include "top_model.h"

static double sum_of_all(const json_t *packets)
{
	double sum = 0;
	const char *name;
	json_t *n;

	json_object_foreach ((json_t *)packets, name, n)
		sum += json_number_value(n);
	return sum;
}

static void read_rates(const json_t *packets, double rate[TOP_RATES])
{
	rate[TOP_IN] =
		sum_of_all(packets) - reason_rate_of(packets, reason_is_later);
	rate[TOP_SYN] = reason_rate_of(packets, reason_is_syn);
	rate[TOP_ANSWERED] =
		json_number_value(json_object_get(packets, "answered"));
	rate[TOP_DROPPED] = reason_rate(packets, REASON_DROP);
}

static void history_add(struct top_history *h, double value)
{
	h->value[h->next] = value;
	h->next = (h->next + 1) % TOP_HISTORY;
	if (h->n < TOP_HISTORY)
		h->n++;
}

/* ---- sessions ---- */

static double opened_of(const json_t *totals)
{
	const json_t *all = json_object_get(totals, "total");

	return json_number_value(json_object_get(all, "opened"));
}

static double ended_of(const json_t *totals)
{
	const json_t *all = json_object_get(totals, "total");

	return sum_of_all(json_object_get(all, "ended"));
}

static double growth(double before, double now, double seconds)
{
	return now > before ? (now - before) / seconds : 0;
}

/* ---- content of the tables ---- */

/* {listen: @member} of an array of services. */
static json_t *by_listen(const json_t *services, const char *member)
{
	json_t *index = json_object(), *service;
	const char *listen;
	size_t i;

	json_array_foreach (services, i, service) {
		listen = json_string_value(json_object_get(service, "listen"));
		if (listen)
			json_object_set(index, listen,
					json_object_get(service, member));
	}
	return index;
}

static void read_service(struct top_service *s, const json_t *service,
			 const json_t *rates, const json_t *monitored,
			 const json_t *alive)
{
	double judged[TOP_RATES];

	s->listen = json_text(service, "listen");
	s->name = json_text(service, "name");
	s->policy = json_text(service, "policy");
	s->armed = json_is_true(json_object_get(service, "armed"));
	read_rates(json_object_get(rates, s->listen), s->rate);
	s->monitored = !strcmp(s->policy, "monitor");
	if (s->monitored) {
		read_rates(json_object_get(monitored, s->listen), judged);
		s->rate[TOP_ANSWERED] = judged[TOP_ANSWERED];
		s->rate[TOP_DROPPED] = judged[TOP_DROPPED];
	}
	s->sessions = sum_of_all(json_object_get(alive, s->listen));
}

static int read_services(struct top *t, const json_t *status,
			 const json_t *totals)
{
	const json_t *services = json_object_get(status, "services");
	size_t n = json_array_size(services), i;
	struct top_service *list = calloc(n + 1, sizeof(*list));
	const json_t *grown = json_object_get(t->rates, "services");
	json_t *rates, *monitored, *alive, *service;

	if (!list)
		return -ENOMEM;
	rates = by_listen(grown, "per_second");
	monitored = by_listen(grown, "monitored_per_second");
	alive = by_listen(json_object_get(totals, "services"), "alive");
	json_array_foreach (services, i, service) {
		read_service(&list[i], service, rates, monitored, alive);
	}
	json_decref(rates);
	json_decref(monitored);
	json_decref(alive);
	free(t->services);
	t->services = list;
	t->n_services = n;
	return 0;
}

static int by_rate(const void *a, const void *b)
{
	const struct top_reason *x = a, *y = b;

	if (x->rate != y->rate)
		return x->rate < y->rate ? 1 : -1;
	return strcmp(x->name, y->name);
}

static void read_reasons(struct top *t)
{
	json_t *packets = json_object_get(t->rates, "per_second"), *n;
	const struct reason_info *r;
	const char *name;

	t->n_reasons = 0;
	json_object_foreach (packets, name, n) {
		if (t->n_reasons == TOP_REASONS_MAX)
			break;
		r = reason_find(name);
		t->reason[t->n_reasons++] =
			(struct top_reason){ name, r ? r->action : REASON_PASS,
					     json_number_value(n) };
	}
	qsort(t->reason, t->n_reasons, sizeof(t->reason[0]), by_rate);
}

/* ---- order ---- */

static double key_of(const struct top_service *s, enum top_order order)
{
	if (order < TOP_RATES)
		return s->rate[order];
	return order == TOP_SESSIONS ? s->sessions : 0;
}

/* Ties are ordered by address, so that rows do not jump around. */
static int compare(const void *a, const void *b, void *order)
{
	const struct top_service *x = a, *y = b;
	double m = key_of(x, *(enum top_order *)order);
	double n = key_of(y, *(enum top_order *)order);

	if (m != n)
		return m < n ? 1 : -1;
	return strcmp(x->listen, y->listen);
}

void top_sort(struct top *t, enum top_order order)
{
	t->order = order;
	if (t->n_services)
		qsort_r(t->services, t->n_services, sizeof(t->services[0]),
			compare, &t->order);
}

/* ---- a new set of answers ---- */

static void keep(json_t **kept, json_t *fresh)
{
	json_decref(*kept);
	*kept = fresh;
}

static void advance(struct top *t, const json_t *stats, const json_t *totals,
		    double seconds)
{
	double rate[TOP_RATES];
	size_t i;

	keep(&t->rates, rates_between(t->stats, stats, seconds));
	read_rates(json_object_get(t->rates, "per_second"), rate);
	for (i = 0; i < TOP_RATES; i++)
		history_add(&t->history[i], rate[i]);
	read_reasons(t);
	t->opened = growth(opened_of(t->totals), opened_of(totals), seconds);
	t->ended = growth(ended_of(t->totals), ended_of(totals), seconds);
	/* with long intervals, samples since the last look count as current */
	top_sources_fade(&t->sources, fmin(seconds, TOP_SOURCES_FADE_S));
}

int top_update(struct top *t, json_t *status, json_t *stats, json_t *totals,
	       double when)
{
	int err;

	if (t->stats && when > t->when)
		advance(t, stats, totals, when - t->when);
	err = read_services(t, status, totals);
	if (err)
		t->n_services = 0; /* their strings are freed below */
	keep(&t->status, status);
	keep(&t->stats, stats);
	keep(&t->totals, totals);
	t->when = when;
	top_sort(t, t->order);
	return err;
}

void top_gap(struct top *t)
{
	keep(&t->stats, NULL);
	t->sources = (struct top_sources){};
}

void top_free(struct top *t)
{
	json_decref(t->status);
	json_decref(t->stats);
	json_decref(t->totals);
	json_decref(t->rates);
	free(t->services);
}
