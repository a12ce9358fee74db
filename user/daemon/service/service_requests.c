/* SPDX-License-Identifier: GPL-2.0-only */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bypass.h"
#include "kernel/clock.h"
#include "keys/keys.h"
#include "service_requests.h"
#include "text/words.h"

static json_t *json_service(const struct service *svc, const struct bypasses *b)
{
	char text[LISTEN_STRLEN], learned[SERVICE_LEARNED_LEN],
		lost[SERVICE_LEARNED_LEN];

	return json_pack(
		"{s:s,s:s,s:s,s:b,s:b,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:o}",
		"listen", listen_format(&svc->listen, text), "name", svc->name,
		"policy", config_policy_name(svc->policy), "by_hand",
		svc->by_hand, "armed", svc->why == WHY_ARMED, "owner",
		service_owner(svc), "owner_why", service_owner_why(svc),
		"cookies", service_cookies(svc), "cookies_why",
		service_cookies_why(svc), "why", service_why(svc), "listener",
		service_learned(svc, learned), "not_honoured",
		service_not_honoured(svc, lost), "bypasses",
		bypasses_json(b, svc));
}

json_t *services_json(const struct services *s, const struct bypasses *b)
{
	const struct service *svc = NULL;
	json_t *list = json_array();

	while ((svc = services_next(s, svc)))
		json_array_append_new(list, json_service(svc, b));
	return list;
}

void services_health(const struct services *s, json_t *list)
{
	const struct service *svc = NULL;
	char text[LISTEN_STRLEN], line[512];

	while ((svc = services_next(s, svc))) {
		if (!service_is_unprotected(svc))
			continue;
		snprintf(line, sizeof(line), "%s is not protected: %s",
			 listen_format(&svc->listen, text), service_why(svc));
		json_array_append_new(list, request_text(line));
	}
}

bool services_protect(const struct services *s)
{
	const struct service *svc = NULL;
	bool all = true;

	while ((svc = services_next(s, svc)))
		all = all && (svc->why == WHY_NO_LISTENER ||
			      !service_is_unprotected(svc));
	return all;
}

/* ---- which one ---- */

void service_hint(const struct services *s, struct request *r)
{
	const struct service *svc = NULL;
	char text[LISTEN_STRLEN], one[LISTEN_STRLEN + NAME_MAX_LEN + 4];
	char list[sizeof(r->hint) - sizeof("there are ")] = "";

	while ((svc = services_next(s, svc))) {
		listen_format(&svc->listen, text);
		snprintf(one, sizeof(one), "%s%s%s%s", text,
			 *svc->name ? " (" : "", svc->name,
			 *svc->name ? ")" : "");
		words_append(list, sizeof(list), one);
	}
	snprintf(r->hint, sizeof(r->hint), "there are %s",
		 *list ? list : "none: synkeeper service add A:P adds one");
}

json_t *service_refuse_unknown(const struct services *s, struct request *r)
{
	request_refuse(r, "", "%s is not a service",
		       request_string(r, "listen"));
	service_hint(s, r);
	return NULL;
}

const struct service *service_of_request(const struct services *s,
					 struct request *r)
{
	const struct service *svc;
	struct listen l;

	if (!request_listen(r, &l))
		return NULL;
	svc = services_find(s, &l);
	if (!svc)
		service_refuse_unknown(s, r);
	return svc;
}

/* ---- requests ---- */

static json_t *on_list(void *data, struct request *r)
{
	const struct service_request_deps *d = data;

	(void)r;
	return json_pack("{s:o}", "services",
			 services_json(d->services, d->bypasses));
}

static bool arg_policy(struct request *r, bool needed, enum config_policy *ret)
{
	const json_t *member = json_object_get(r->args, "policy");
	const char *text = json_string_value(member), *why = POLICY_WHY;

	if (!member && !needed)
		return true;
	if (text && !config_parse_policy(text, ret, &why))
		return true;
	request_refuse(r, why, "'%s' is not a policy", text ? text : "");
	return false;
}

/* Reads member "name"; empty by default. */
static bool arg_name(struct request *r, char ret[NAME_MAX_LEN])
{
	const json_t *member = json_object_get(r->args, "name");
	const char *text = json_string_value(member),
		   *why = "the name is not a string";

	if (text)
		why = name_check(text);
	if (member && why) {
		request_refuse(r, why, "'%s' is not a valid name for a service",
			       text ? text : "");
		return false;
	}
	snprintf(ret, NAME_MAX_LEN, "%s", text ? text : "");
	return true;
}

/* A service as it was before a change, for reverting it. */
struct before {
	struct config_service as;
	__u64 drain_until_ns; /* if it was deleted */
	bool served;	      /* if not: it drained, or did not exist */
};

static struct before remember(const struct services *s, const struct listen *l)
{
	struct before b = { .as.listen = *l };
	const struct service *svc = services_find(s, l);

	if (!svc)
		return b;
	b.drain_until_ns = svc->drain_until_ns;
	b.served = !svc->drain_until_ns;
	b.as.policy = svc->policy;
	b.as.cookies = svc->cookies;
	b.as.owner = svc->owner;
	b.as.by_hand = svc->by_hand;
	snprintf(b.as.name, sizeof(b.as.name), "%s", svc->name);
	return b;
}

static void put_back(const struct service_request_deps *d,
		     const struct before *b)
{
	__u64 now = clock_ns(), left = 0;

	if (b->drain_until_ns > now)
		left = b->drain_until_ns - now;
	if (b->served || b->drain_until_ns)
		services_set(d->services, &b->as, NULL);
	if (!b->served)
		services_del(d->services, &b->as.listen, left, NULL);
	d->apply(d->data);
}

/* Applies a change of services and returns the service concerned. */
static json_t *apply(const struct service_request_deps *d, struct request *r,
		     const struct service *svc, const struct before *before)
{
	if (!d->apply(d->data))
		return json_service(svc, d->bypasses);
	put_back(d, before);
	return request_refuse(
		r, "see the daemon's log",
		"the change could not be applied and was reverted");
}

static json_t *on_add(void *data, struct request *r)
{
	const struct service_request_deps *d = data;
	struct config_service c = { .policy = POLICY_ON, .by_hand = true };
	const struct service *svc;
	struct before before;
	int err;

	if (!request_listen(r, &c.listen) || !arg_name(r, c.name) ||
	    !arg_policy(r, false, &c.policy))
		return NULL;
	before = remember(d->services, &c.listen);
	err = services_add(d->services, &c, &svc);
	if (err == -EEXIST)
		return request_refuse(
			r, "to change it, use synkeeper service policy",
			"%s is already a service", request_string(r, "listen"));
	if (err == -ENOSPC)
		return request_refuse(r, "use wildcards or delete some",
				      "all %d services are in use",
				      SERVICES_MAX - 1);
	if (!err)
		return apply(d, r, svc, &before);
	put_back(d, &before);
	return request_refuse(r, "", "cannot add: %s", strerror(-err));
}

static json_t *on_del(void *data, struct request *r)
{
	const struct service_request_deps *d = data;
	const struct service *svc;
	struct before before;
	struct listen l;

	if (!request_listen(r, &l))
		return NULL;
	before = remember(d->services, &l);
	if (services_del(d->services, &l, keys_cookie_life(d->keys), &svc))
		return service_refuse_unknown(d->services, r);
	return apply(d, r, svc, &before);
}

static json_t *on_policy(void *data, struct request *r)
{
	const struct service_request_deps *d = data;
	enum config_policy policy = POLICY_ON;
	const struct service *svc;
	struct before before;
	struct listen l;

	if (!request_listen(r, &l) || !arg_policy(r, true, &policy))
		return NULL;
	before = remember(d->services, &l);
	if (services_policy(d->services, &l, policy, &svc))
		return service_refuse_unknown(d->services, r);
	return apply(d, r, svc, &before);
}

const struct request_handler service_requests[] = {
	{ "service.list", on_list },
	{ "service.add", on_add },
	{ "service.del", on_del },
	{ "service.policy", on_policy },
	{},
};
