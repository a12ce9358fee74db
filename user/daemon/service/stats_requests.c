/* SPDX-License-Identifier: GPL-2.0-only */
/* Theory of operation: the request for packets by service and reason. */
#include <string.h>

#include "maps/stats.h"
#include "service_requests.h"
#include "text/reason.h"

json_t *stats_json(const struct counters *c)
{
	const struct reason_info *r;
	json_t *o = json_object();
	size_t i;

	for (i = 0; (r = reason_at(i)); i++)
		if (c->packets[r->number])
			json_object_set_new(
				o, r->name,
				json_integer(
					(json_int_t)c->packets[r->number]));
	return o;
}

json_t *stats_total_json(const struct services *s, const struct loader *l)
{
	struct counters sum = {}, *all = NULL;
	const struct service *svc = NULL;

	if (!stats_read_all(l, MAP_COUNTERS, services_end(s), &all)) {
		stats_add(&sum, &all[0]);
		while ((svc = services_next(s, svc)))
			stats_add(&sum, &all[svc->id]);
	}
	free(all);
	return stats_json(&sum);
}

static json_t *json_one(const char *listen, const char *name,
			const struct counters *c,
			const struct counters *monitored)
{
	return json_pack("{s:s,s:s,s:o,s:o}", "listen", listen, "name", name,
			 "packets", stats_json(c), "monitored",
			 stats_json(monitored));
}

/* For the service at @one, or for all if it is NULL; NULL if there is none. */
static json_t *list_of(const struct services *s, const struct listen *one,
		       const struct counters *all,
		       const struct counters *monitored, struct counters *sum)
{
	const struct service *svc = NULL;
	json_t *list = json_array();
	char text[LISTEN_STRLEN];

	if (!one) {
		json_array_append_new(
			list, json_one("-", "", &all[0], &monitored[0]));
		stats_add(sum, &all[0]);
	}
	while ((svc = services_next(s, svc))) {
		if (one && !listen_equal(&svc->listen, one))
			continue;
		json_array_append_new(
			list,
			json_one(listen_format(&svc->listen, text), svc->name,
				 &all[svc->id], &monitored[svc->id]));
		stats_add(sum, &all[svc->id]);
	}
	if (json_array_size(list))
		return list;
	json_decref(list);
	return NULL;
}

static json_t *on_stats(void *data, struct request *r)
{
	bool one = json_object_get(r->args, "listen") != NULL;
	struct counters *all = NULL, *monitored = NULL, sum = {};
	const struct service_request_deps *d = data;
	__u32 end = services_end(d->services);
	struct listen l = {};
	json_t *list = NULL;
	int err;

	if (one && !request_listen(r, &l))
		return NULL;
	err = stats_read_all(d->loader, MAP_COUNTERS, end, &all);
	if (!err)
		err = stats_read_all(d->loader, MAP_MONITORED, end, &monitored);
	if (!err)
		list = list_of(d->services, one ? &l : NULL, all, monitored,
			       &sum);
	free(all);
	free(monitored);
	if (err)
		return request_refuse(r, "",
				      "the counters could not be read: %s",
				      strerror(-err));
	if (!list)
		return service_refuse_unknown(d->services, r);
	return json_pack("{s:o,s:o}", "services", list, "total",
			 stats_json(&sum));
}

const struct request_handler stats_requests[] = {
	{ "stats", on_stats },
	{},
};
