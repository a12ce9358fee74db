/* SPDX-License-Identifier: GPL-2.0-only */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/metrics.h"
#include "kernel/ruled.h"
#include "log.h"
#include "maps/settings.h"
#include "route_metrics.h"

/* What an LPM map is to have: entries of a key and its value. */
struct content {
	int fd;
	const char *all; /* sorted by @compare */
	size_t n, entry, key;
	int (*compare)(const void *a, const void *b);
};

static struct content content_of(const struct route_metrics_maps *m,
				 const struct metrics_list *l)
{
	return (struct content){
		m->metrics,	 (const char *)l->all, l->n,
		sizeof(*l->all), sizeof(l->all->to),   metrics_compare
	};
}

static struct content content_of_ruled(const struct route_metrics_maps *m,
				       const struct ruled_list *l)
{
	return (struct content){
		m->ruled,	 (const char *)l->all, l->n,
		sizeof(*l->all), sizeof(l->all->to),   ruled_compare
	};
}

static int put_all(const struct content *c)
{
	size_t i;

	for (i = 0; i < c->n; i++)
		if (bpf_map_update_elem(c->fd, c->all + i * c->entry,
					c->all + i * c->entry + c->key,
					BPF_ANY))
			return -errno;
	return 0;
}

/* Also what an earlier instance left. */
static void delete_others(const struct content *c)
{
	union {
		struct metrics_entry plain;
		struct ruled_entry ruled;
	} at = {}, next;
	bool more = !bpf_map_get_next_key(c->fd, NULL, &next);

	while (more) {
		at = next;
		more = !bpf_map_get_next_key(c->fd, &at, &next);
		if (!c->n || !bsearch(&at, c->all, c->n, c->entry, c->compare))
			bpf_map_delete_elem(c->fd, &at);
	}
}

static int put_rules(int fd, const struct route_rules rules[2])
{
	__u32 v6;

	for (v6 = 0; v6 < 2; v6++)
		if (bpf_map_update_elem(fd, &v6, &rules[v6], BPF_ANY))
			return -errno;
	return 0;
}

static void tell_ignored(struct route_metrics_maps *m, const struct routing *r,
			 bool v6)
{
	const char *why = metrics_exist(r) ? metrics_ignored(r) : NULL;

	if (why && why != m->told[v6])
		log_warn("IPv%d routes with metrics such as advmss: not "
			 "followed in SYN-ACKs: %s",
			 v6 ? 6 : 4, why);
	m->told[v6] = why;
}

static int write_both(const struct route_metrics_maps *m,
		      const struct metrics_list *l, const struct ruled_list *r)
{
	struct content plain = content_of(m, l), ruled = content_of_ruled(m, r);
	int err = put_all(&plain);

	if (!err)
		err = put_all(&ruled);
	if (!err)
		err = put_rules(m->rules, r->rules);
	settings_put(m->settings, SETTING_METRICS, !err && (l->n || r->n));
	settings_put(
		m->settings, SETTING_ROUTE_SCALE,
		!err && (metrics_bound_window(l) || ruled_bound_window(r)));
	if (err)
		return err;
	delete_others(&plain);
	delete_others(&ruled);
	return 0;
}

void route_metrics_write(struct route_metrics_maps *m, const struct routing *v4,
			 const struct routing *v6)
{
	struct metrics_list l = {};
	struct ruled_list r = {};
	int err;

	tell_ignored(m, v4, false);
	tell_ignored(m, v6, true);
	err = metrics_choose(v4, v6, &l);
	if (!err)
		err = ruled_choose(v4, v6, &r);
	if (!err)
		err = write_both(m, &l, &r);
	else
		settings_clear(m->settings,
			       SETTING_METRICS | SETTING_ROUTE_SCALE);
	if (err && !m->failed)
		log_warn("cannot follow the metrics of routes in SYN-ACKs: %s",
			 strerror(-err));
	m->failed = err;
	metrics_free(&l);
	ruled_free(&r);
}
