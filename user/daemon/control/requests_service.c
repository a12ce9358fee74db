/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the requests about services. A change is in force, in
 * the maps too, before it is answered, or it is taken back; who asked is shown
 * what came of it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "kernel/clock.h"
#include "requests.h"

static json_t *json_service(const struct service *svc)
{
	char text[LISTEN_STRLEN];

	return json_pack("{s:s,s:s,s:s,s:b,s:b,s:s,s:s,s:s}", "listen",
			 listen_format(&svc->listen, text), "name", svc->name,
			 "policy", config_policy_name(svc->policy), "by_hand",
			 svc->by_hand, "armed", svc->why == WHY_ARMED,
			 "cookies", service_cookies(svc), "cookies_why",
			 service_cookies_why(svc), "why", service_why(svc));
}

json_t *requests_services(const struct daemon *d)
{
	const struct service *svc = NULL;
	json_t *list = json_array();

	while ((svc = services_next(d->services, svc)))
		json_array_append_new(list, json_service(svc));
	return list;
}

json_t *request_service_list(struct daemon *d, struct request *r)
{
	(void)r;
	return json_pack("{s:o}", "services", requests_services(d));
}

static bool arg_policy(struct request *r, bool needed, enum config_policy *ret)
{
	const json_t *member = json_object_get(r->args, "policy");
	const char *text = json_string_value(member), *why = POLICY_WHY;

	if (!member && !needed)
		return true;
	if (text && !config_parse_policy(text, ret, &why))
		return true;
	refuse(r, why, "'%s' is no policy", text ? text : "");
	return false;
}

/* Reads member "name"; left out, it is empty. */
static bool arg_name(struct request *r, char ret[NAME_MAX_LEN])
{
	const json_t *member = json_object_get(r->args, "name");
	const char *text = json_string_value(member), *why = "it is no string";

	if (text)
		why = check_name(text);
	if (member && why) {
		refuse(r, why, "'%s' is no name for a service",
		       text ? text : "");
		return false;
	}
	snprintf(ret, NAME_MAX_LEN, "%s", text ? text : "");
	return true;
}

/* A service as it was before a change, to be put back as it was. */
struct before {
	struct config_service as;
	__u64 drain_until_ns; /* of one that was deleted */
	bool served;	      /* else it drained, or was none */
};

static struct before remember(const struct daemon *d, const struct listen *l)
{
	struct before b = { .as.listen = *l };
	const struct service *svc = NULL;

	while ((svc = services_next(d->services, svc)))
		if (listen_equal(&svc->listen, l))
			break;
	if (!svc)
		return b;
	b.drain_until_ns = svc->drain_until_ns;
	b.served = !svc->drain_until_ns;
	b.as.policy = svc->policy;
	b.as.cookies = svc->cookies;
	b.as.by_hand = svc->by_hand;
	snprintf(b.as.name, sizeof(b.as.name), "%s", svc->name);
	return b;
}

static void put_back(struct daemon *d, const struct before *b)
{
	__u64 now = now_ns(), left = 0;

	if (b->drain_until_ns > now)
		left = b->drain_until_ns - now;
	if (b->served || b->drain_until_ns)
		services_set(d->services, &b->as, NULL);
	if (!b->served)
		services_del(d->services, &b->as.listen, left, NULL);
	daemon_refresh(d);
}

/* Puts a change of services into force and shows the one concerned. */
static json_t *apply(struct daemon *d, struct request *r,
		     const struct service *svc, const struct before *before)
{
	if (!daemon_refresh(d))
		return json_service(svc);
	put_back(d, before);
	return refuse(r, "the daemon's log says why",
		      "the change could not be applied, and was taken back");
}

json_t *request_service_add(struct daemon *d, struct request *r)
{
	struct config_service c = { .policy = POLICY_ON, .by_hand = true };
	const struct service *svc;
	struct before before;
	int err;

	if (!arg_listen(r, &c.listen) || !arg_name(r, c.name) ||
	    !arg_policy(r, false, &c.policy))
		return NULL;
	before = remember(d, &c.listen);
	err = services_add(d->services, &c, &svc);
	if (err == -EEXIST)
		return refuse(
			r, "synkeeper service policy changes it",
			"%s is a service already",
			json_string_value(json_object_get(r->args, "listen")));
	if (err == -ENOSPC)
		return refuse(r, "use wildcards, or delete some",
			      "all %d services are in use", SERVICES_MAX - 1);
	if (!err)
		return apply(d, r, svc, &before);
	put_back(d, &before);
	return refuse(r, "", "cannot add: %s", strerror(-err));
}

json_t *request_service_del(struct daemon *d, struct request *r)
{
	const struct service *svc;
	struct before before;
	struct listen l;

	if (!arg_listen(r, &l))
		return NULL;
	before = remember(d, &l);
	if (services_del(d->services, &l, 2 * d->keys.lifetime_ns, &svc))
		return not_a_service(d, r);
	return apply(d, r, svc, &before);
}

json_t *request_service_policy(struct daemon *d, struct request *r)
{
	enum config_policy policy = POLICY_ON;
	const struct service *svc;
	struct before before;
	struct listen l;

	if (!arg_listen(r, &l) || !arg_policy(r, true, &policy))
		return NULL;
	before = remember(d, &l);
	if (services_policy(d->services, &l, policy, &svc))
		return not_a_service(d, r);
	return apply(d, r, svc, &before);
}
