/* SPDX-License-Identifier: GPL-2.0-only */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/metrics.h"
#include "log.h"
#include "maps/settings.h"
#include "route_metrics.h"

static int put_all(int fd, const struct metrics_list *l)
{
	size_t i;

	for (i = 0; i < l->n; i++)
		if (bpf_map_update_elem(fd, &l->all[i].to, &l->all[i].says,
					BPF_ANY))
			return -errno;
	return 0;
}

static bool is_listed(const struct metrics_list *l, const struct local_key *key)
{
	const struct metrics_entry entry = { .to = *key };

	return l->n &&
	       bsearch(&entry, l->all, l->n, sizeof(*l->all), metrics_compare);
}

/* Also what an earlier instance left. */
static void delete_others(int fd, const struct metrics_list *l)
{
	struct local_key key, next;
	bool more = !bpf_map_get_next_key(fd, NULL, &next);

	while (more) {
		key = next;
		more = !bpf_map_get_next_key(fd, &key, &next);
		if (!is_listed(l, &key))
			bpf_map_delete_elem(fd, &key);
	}
}

static void tell_ignored(struct route_metrics_map *m, const struct routing *r,
			 bool v6)
{
	const char *why = metrics_exist(r) ? metrics_ignored(r) : NULL;

	if (why && why != m->told[v6])
		log_warn("IPv%d routes with metrics such as advmss: not "
			 "followed in SYN-ACKs: %s",
			 v6 ? 6 : 4, why);
	m->told[v6] = why;
}

void route_metrics_write(struct route_metrics_map *m, const struct routing *v4,
			 const struct routing *v6)
{
	struct metrics_list l = {};
	int err;

	tell_ignored(m, v4, false);
	tell_ignored(m, v6, true);
	err = metrics_choose(v4, v6, &l);
	if (!err)
		err = put_all(m->fd, &l);
	if (err && !m->failed)
		log_warn("cannot follow the metrics of routes in SYN-ACKs: %s",
			 strerror(-err));
	m->failed = err;
	if (err || !l.n)
		settings_clear(m->settings, SETTING_METRICS);
	else
		settings_set(m->settings, SETTING_METRICS);
	if (err || !metrics_bound_window(&l))
		settings_clear(m->settings, SETTING_ROUTE_SCALE);
	else
		settings_set(m->settings, SETTING_ROUTE_SCALE);
	if (!err)
		delete_others(m->fd, &l);
	metrics_free(&l);
}
