/* SPDX-License-Identifier: GPL-2.0-only */
#include <stdio.h>
#include <string.h>

#include "keys/keys.h"
#include "profile.h"
#include "synkeeper/promise.h"

static __u32 promise_at(const struct service *svc, const struct settings *cfg,
			bool v4)
{
	return promise_of(cfg->flags, svc->said[v4].scale, svc->said[v4].mss);
}

/* FNV-1a */
static __u32 mix(__u32 hash, const void *bytes, size_t n)
{
	const __u8 *at = bytes;

	while (n--)
		hash = (hash ^ *at++) * 0x01000193;
	return hash;
}

const char *profile_of(const struct services *s, const struct settings *cfg,
		       char buf[PROFILE_MAX])
{
	const struct service *svc = NULL;
	__u32 sum = 0, promises[2];
	char text[LISTEN_STRLEN];

	while ((svc = services_next(s, svc))) {
		if (svc->drain_until_ns)
			continue;
		listen_format(&svc->listen, text);
		promises[0] = promise_at(svc, cfg, true);
		promises[1] = promise_at(svc, cfg, false);
		sum += mix(mix(0x811c9dc5, text, strlen(text)), promises,
			   sizeof(promises));
	}
	snprintf(buf, PROFILE_MAX, "%08x", sum);
	return buf;
}

/* "scale 7, MSS cap 1200, SACK, ECN" */
static void promise_text(__u32 promise, char *buf, size_t size)
{
	__u32 mss = promise >> PROMISE_MSS_SHIFT;
	size_t n = 0;

	*buf = 0;
	if (promise & PROMISE_WSCALE)
		n = snprintf(buf, size, "scale %u, ",
			     (promise & PROMISE_SCALE) - 1);
	if (mss)
		n += snprintf(buf + n, size - n, "MSS cap %u, ", mss);
	n += snprintf(buf + n, size - n, "%s%s%s",
		      promise & PROMISE_SACK ? "SACK, " : "",
		      promise & PROMISE_TS ? "timestamps, " : "",
		      promise & PROMISE_ECN ? "ECN, " : "");
	if (n >= 2)
		buf[n - 2] = 0;
}

static json_t *promises_json(const struct services *s,
			     const struct settings *cfg)
{
	char listen[LISTEN_STRLEN], ipv4[64], ipv6[64];
	const struct service *svc = NULL;
	json_t *list = json_array();

	while ((svc = services_next(s, svc))) {
		if (svc->drain_until_ns)
			continue;
		promise_text(promise_at(svc, cfg, true), ipv4, sizeof(ipv4));
		promise_text(promise_at(svc, cfg, false), ipv6, sizeof(ipv6));
		json_array_append_new(
			list, json_pack("{s:s,s:s,s:s}", "listen",
					listen_format(&svc->listen, listen),
					"ipv4", ipv4, "ipv6", ipv6));
	}
	return list;
}

static json_t *on_cluster(void *data, struct request *r)
{
	const struct service_request_deps *d = data;
	const struct cluster *c = d->keys->cluster;
	char profile[PROFILE_MAX];
	json_t *reply;

	if (!cluster_on(c))
		return request_refuse(r,
				      "set [keys] secret: see "
				      "synkeeper.conf(5)",
				      "no secret is shared with other nodes");
	reply = cluster_json(c);
	json_object_set_new(
		reply, "profile",
		json_string(profile_of(d->services, c->settings, profile)));
	json_object_set_new(reply, "services",
			    promises_json(d->services, c->settings));
	return reply;
}

const struct request_handler profile_requests[] = {
	{ "cluster", on_cluster },
	{},
};
