/* SPDX-License-Identifier: GPL-2.0-only */
/* Theory of operation: the request for samples of dropped packets. */
#include "service/service_requests.h"
#include "session_requests.h"
#include "text/reason.h"

enum { RATE_DEFAULT = 100, RATE_MAX = 10000 };

/* Reads member "reasons"; by default all that drop. */
static bool arg_reasons(struct request *r, __u64 *ret)
{
	const json_t *names = json_object_get(r->args, "reasons"), *name;
	const struct reason_info *info;
	__u64 reasons = 0;
	size_t i;

	for (i = 0; !names && (info = reason_at(i)); i++)
		if (info->action == REASON_DROP)
			reasons |= 1ULL << info->number;
	json_array_foreach (names, i, name) {
		const char *text = json_string_value(name);

		info = text ? reason_find(text) : NULL;
		if (!info || info->action != REASON_DROP) {
			request_refuse(r, "see synkeeper explain for a list",
				       "'%s' is not a drop reason",
				       text ? text : "");
			return false;
		}
		reasons |= 1ULL << info->number;
	}
	if (!reasons) {
		request_refuse(r, "omit \"reasons\" for all of them",
			       "no reasons in the request");
		return false;
	}
	*ret = reasons;
	return true;
}

static json_t *on_watch(void *data, struct request *r)
{
	const struct session_request_deps *d = data;
	const json_t *rate = json_object_get(r->args, "rate");
	struct watch_samples want = { .rate = RATE_DEFAULT };
	const struct service *svc;

	if (!arg_reasons(r, &want.reasons))
		return NULL;
	if (rate) {
		if (json_integer_value(rate) < 1 ||
		    json_integer_value(rate) > RATE_MAX)
			return request_refuse(r, "1 to 10000 samples a second",
					      "the rate is out of range");
		want.rate = json_integer_value(rate);
	}
	if (json_object_get(r->args, "listen")) {
		svc = service_of_request(d->services, r);
		if (!svc)
			return NULL;
		want.service = svc->id;
	}
	return session_watching(r,
				watch_add_samples(d->watch, r->client, &want));
}

const struct request_handler sample_requests[] = {
	{ "sample.watch", on_watch },
	{},
};
