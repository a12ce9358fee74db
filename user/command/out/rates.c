/* SPDX-License-Identifier: GPL-2.0-only */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "rates.h"
#include "text/words.h"

static json_t *rates_of(const json_t *before, const json_t *now, double seconds)
{
	json_t *rates = json_object(), *n;
	const char *name;

	json_object_foreach ((json_t *)now, name, n) {
		json_int_t grown =
			json_integer_value(n) -
			json_integer_value(json_object_get(before, name));

		/* smaller than before: restarted from zero */
		if (grown < 0)
			grown = json_integer_value(n);
		if (grown > 0)
			json_object_set_new(
				rates, name,
				json_real((json_int_t)(10 * grown / seconds +
						       0.5) /
					  10.0));
	}
	return rates;
}

static bool same_listen(const json_t *a, const json_t *b)
{
	return json_equal(json_object_get(a, "listen"),
			  json_object_get(b, "listen"));
}

/* @service in an earlier reply: at the same index unless the list changed */
static const json_t *earlier(const json_t *stats, const json_t *service,
			     size_t index)
{
	const json_t *services = json_object_get(stats, "services");
	json_t *other = json_array_get(services, index);
	size_t i;

	if (other && same_listen(other, service))
		return other;
	json_array_foreach (services, i, other) {
		if (same_listen(other, service))
			return other;
	}
	return NULL;
}

json_t *rates_between(const json_t *before, const json_t *now, double seconds)
{
	json_t *services = json_array(), *service;
	size_t i;

	json_array_foreach (json_object_get(now, "services"), i, service) {
		const json_t *old = earlier(before, service, i);

		json_array_append_new(
			services,
			json_pack(
				"{s:O*, s:O*, s:o, s:o}", "listen",
				json_object_get(service, "listen"), "name",
				json_object_get(service, "name"), "per_second",
				rates_of(json_object_get(old, "packets"),
					 json_object_get(service, "packets"),
					 seconds),
				"monitored_per_second",
				rates_of(json_object_get(old, "monitored"),
					 json_object_get(service, "monitored"),
					 seconds)));
	}
	return json_pack("{s:I, s:f, s:o, s:o}", "time", (json_int_t)time(NULL),
			 "interval_s", seconds, "services", services,
			 "per_second",
			 rates_of(json_object_get(before, "total"),
				  json_object_get(now, "total"), seconds));
}

double rates_clock(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

int rates_period(const char *text, double *ret)
{
	unsigned int ms;
	char *end;
	double s;

	if (!*text) {
		*ret = 1;
		return 0;
	}
	s = strtod(text, &end);
	if (end == text || *end)
		s = duration_parse(text, &ms) ? 0 : ms / 1000.0;
	if (!(s >= 0.1 && s <= 86400))
		return -EINVAL;
	*ret = s;
	return 0;
}
