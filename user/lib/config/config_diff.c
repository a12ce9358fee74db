// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: see config_diff.h. Values are equal if their texts are.
 * Services are sorted by address first: eight thousand of them take a moment.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_diff.h"

enum { TEXT_MAX = 512 };

/* Formats the value at @member as in the file; may return another than @buf. */
typedef const char *(*value_text)(const void *member, char *buf);

static const char *text_mode(const void *member, char *buf)
{
	(void)buf;
	return config_mode_name(*(const enum config_mode *)member);
}

static const char *text_on_exit(const void *member, char *buf)
{
	(void)buf;
	return *(const enum config_exit *)member == EXIT_KEEP ? "keep"
							      : "detach";
}

static const char *policy_text(const void *member, char *buf)
{
	(void)buf;
	return config_policy_name(*(const enum config_policy *)member);
}

static const char *cookies_text(const void *member, char *buf)
{
	(void)buf;
	return config_cookies_name(*(const enum config_cookies *)member);
}

static const char *owner_text(const void *member, char *buf)
{
	(void)buf;
	return config_owner_name(*(const enum config_owner *)member);
}

static const char *text_yes_no(const void *member, char *buf)
{
	(void)buf;
	return *(const bool *)member ? "yes" : "no";
}

/* Empty for one from the configuration. */
static const char *by_hand_text(const void *member, char *buf)
{
	(void)buf;
	return *(const bool *)member ? "yes" : "";
}

static const char *text_address(const void *member, char *buf)
{
	const struct listen *l = member;

	return l->port ? listen_format(l, buf) : "";
}

static const char *name_text(const void *member, char *buf)
{
	(void)buf;
	return member;
}

static const char *text_duration(const void *member, char *buf)
{
	return duration_format(*(const unsigned int *)member, buf);
}

static const char *text_count(const void *member, char *buf)
{
	snprintf(buf, TEXT_MAX, "%u", *(const unsigned int *)member);
	return buf;
}

static const char *text_percent(const void *member, char *buf)
{
	snprintf(buf, TEXT_MAX, "%u%%", *(const unsigned int *)member);
	return buf;
}

static const char *text_path(const void *member, char *buf)
{
	const char *path = *(char *const *)member;

	(void)buf;
	return path ? path : "none";
}

static const char *text_group(const void *member, char *buf)
{
	return text_path(member, buf);
}

static const char *text_cap(const void *member, char *buf)
{
	return *(const unsigned int *)member ? text_count(member, buf)
					     : "no cap";
}

static const char *text_invalid_ack(const void *member, char *buf)
{
	unsigned int rate = *(const unsigned int *)member;

	if (!rate)
		return "drop";
	snprintf(buf, TEXT_MAX, "reset, %u a second", rate);
	return buf;
}

struct value {
	const char *name;
	value_text text;
	size_t at, size; /* in struct config or config_service */
	enum { LIVE, RESTART, DOWN } change;
};

static const char *const needs[] = {
	[LIVE] = NULL,
	[RESTART] = "a restart of the daemon",
	[DOWN] = "synkeeper down and a new start",
};

#define MEMBER(type, m) offsetof(struct type, m), sizeof(((struct type *)0)->m)
#define SERVICE(m)	MEMBER(config_service, m)

static const struct value values[] = {
#define VALUE(section, name, type, member, fallback, least, most, change, ...) \
	{ "[" #section "] " name, text_##type, MEMBER(config, member), change },
#include "config_table.h"
};

static const struct value service_values[] = {
	{ "policy", policy_text, SERVICE(policy) },
	{ "cookies", cookies_text, SERVICE(cookies) },
	{ "owner", owner_text, SERVICE(owner) },
	{ "name", name_text, SERVICE(name) },
	{ "by hand", by_hand_text, SERVICE(by_hand) },
};

enum {
	N_VALUES = sizeof(values) / sizeof(values[0]),
	N_SERVICE_VALUES = sizeof(service_values) / sizeof(service_values[0]),
};

static const char *text_of(const struct value *v, const void *of, char *buf)
{
	return v->text((const char *)of + v->at, buf);
}

/* Appends a change; the caller fills in the rest. */
__attribute__((format(printf, 4, 5))) static struct config_change *
add(struct config_diff *d, const char *from, const char *to, const char *fmt,
    ...)
{
	static struct config_change nobody;
	struct config_change *c;
	va_list ap;

	/* Capacity doubles when it is used up: at 0, 1, 2, 4, 8, ... */
	if (!(d->n & (d->n - 1))) {
		c = reallocarray(d->changes, d->n ? 2 * d->n : 1, sizeof(*c));
		if (!c) {
			d->failed = true;
			return &nobody;
		}
		d->changes = c;
	}
	c = &d->changes[d->n++];
	*c = (struct config_change){ 0 };
	va_start(ap, fmt);
	if (vasprintf(&c->what, fmt, ap) < 0)
		c->what = NULL;
	va_end(ap);
	c->from = from ? strdup(from) : NULL;
	c->to = to ? strdup(to) : NULL;
	if (!c->what || (from && !c->from) || (to && !c->to))
		d->failed = true;
	return c;
}

static void diff_values(struct config_diff *d, const struct config *old,
			const struct config *wanted)
{
	char from_buf[TEXT_MAX], to_buf[TEXT_MAX];
	size_t i;

	for (i = 0; i < N_VALUES; i++) {
		const char *from = text_of(&values[i], old, from_buf);
		const char *to = text_of(&values[i], wanted, to_buf);

		if (strcmp(from, to) != 0)
			add(d, from, to, "%s", values[i].name)->needs =
				needs[values[i].change];
	}
}

static const char *find_iface(const struct config *c, const char *name)
{
	size_t i;

	for (i = 0; i < c->n_ifaces; i++)
		if (!strcmp(c->ifaces[i], name))
			return c->ifaces[i];
	return NULL;
}

static void diff_ifaces(struct config_diff *d, const struct config *old,
			const struct config *wanted)
{
	struct config_change *c;
	size_t i;

	for (i = 0; i < old->n_ifaces; i++) {
		if (find_iface(wanted, old->ifaces[i]))
			continue;
		c = add(d, "", NULL, "interface %s", old->ifaces[i]);
		c->kind = CHANGE_IFACE;
		c->old_iface = old->ifaces[i];
	}
	for (i = 0; i < wanted->n_ifaces; i++) {
		if (find_iface(old, wanted->ifaces[i]))
			continue;
		c = add(d, NULL, "", "interface %s", wanted->ifaces[i]);
		c->kind = CHANGE_IFACE;
		c->new_iface = wanted->ifaces[i];
	}
}

/* "policy on, name web", without empty values. */
static void describe(const struct config_service *s, char *buf)
{
	char value_buf[TEXT_MAX];
	size_t i, n = 0;

	for (i = 0; i < N_SERVICE_VALUES; i++) {
		const char *text = text_of(&service_values[i], s, value_buf);

		if (*text && n < TEXT_MAX)
			n += snprintf(buf + n, TEXT_MAX - n, "%s%s %s",
				      n ? ", " : "", service_values[i].name,
				      text);
	}
}

static void diff_service(struct config_diff *d,
			 const struct config_service *old,
			 const struct config_service *new)
{
	char listen[LISTEN_STRLEN], from_buf[TEXT_MAX], to_buf[TEXT_MAX];
	struct config_change *c;
	const char *from, *to;
	size_t i;

	listen_format(old ? &old->listen : &new->listen, listen);
	if (old && new) {
		for (i = 0; i < N_SERVICE_VALUES; i++) {
			from = text_of(&service_values[i], old, from_buf);
			to = text_of(&service_values[i], new, to_buf);
			if (!strcmp(from, to))
				continue;
			c = add(d, from, to, "service %s %s", listen,
				service_values[i].name);
			c->kind = CHANGE_SERVICE;
			c->old_service = old;
			c->new_service = new;
		}
		return;
	}
	describe(old ? old : new, from_buf);
	c = add(d, old ? from_buf : NULL, new ? from_buf : NULL, "service %s",
		listen);
	c->kind = CHANGE_SERVICE;
	c->old_service = old;
	c->new_service = new;
}

/* An element of an array sorted by address. */
struct place {
	const struct config_service *service;
};

static int by_listen(const void *va, const void *vb)
{
	const struct place *a = va, *b = vb;

	return listen_compare(&a->service->listen, &b->service->listen);
}

/* @c's services in order; the array is the caller's. NULL: out of memory. */
static struct place *sorted(const struct config *c)
{
	struct place *list = calloc(c->n_services + 1, sizeof(*list));
	size_t i;

	for (i = 0; list && i < c->n_services; i++)
		list[i].service = &c->services[i];
	if (list)
		qsort(list, c->n_services, sizeof(*list), by_listen);
	return list;
}

static void diff_services(struct config_diff *d, const struct config *old,
			  const struct config *wanted)
{
	struct place *a = sorted(old), *b = sorted(wanted);
	size_t i = 0, j = 0;

	d->failed = d->failed || !a || !b;
	while (!d->failed && (i < old->n_services || j < wanted->n_services)) {
		int order = i == old->n_services      ? 1
			    : j == wanted->n_services ? -1
						      : by_listen(&a[i], &b[j]);

		if (order > 0)
			diff_service(d, NULL, b[j].service);
		else if (!order)
			diff_service(d, a[i].service, b[j].service);
		else if (!a[i].service->by_hand)
			diff_service(d, a[i].service, NULL);
		i += order <= 0;
		j += order >= 0;
	}
	free(a);
	free(b);
}

int config_diff(const struct config *old, const struct config *wanted,
		struct config_diff *ret)
{
	*ret = (struct config_diff){ 0 };
	diff_values(ret, old, wanted);
	diff_ifaces(ret, old, wanted);
	diff_services(ret, old, wanted);
	return ret->failed ? -ENOMEM : 0;
}

void config_diff_free(struct config_diff *diff)
{
	size_t i;

	for (i = 0; i < diff->n; i++) {
		free(diff->changes[i].what);
		free(diff->changes[i].from);
		free(diff->changes[i].to);
	}
	free(diff->changes);
	*diff = (struct config_diff){ 0 };
}

void config_swap_fixed(struct config *old, struct config *wanted)
{
	size_t i, k;

	for (i = 0; i < N_VALUES; i++) {
		char *a = (char *)old + values[i].at;
		char *b = (char *)wanted + values[i].at;

		for (k = 0; values[i].change != LIVE && k < values[i].size;
		     k++) {
			char byte = a[k];

			a[k] = b[k];
			b[k] = byte;
		}
	}
}
