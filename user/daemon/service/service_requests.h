/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the requests about services, and services in other
 * replies. A change is in force, including the maps, before it is answered, or
 * else it is reverted; the reply shows the result.
 */
#ifndef SERVICE_REQUESTS_H
#define SERVICE_REQUESTS_H

#include "control/request.h"
#include "services.h"

struct bypasses;
struct keys;

/* What the requests work on. Everything here must outlive them. */
struct service_request_deps {
	struct services *services;
	const struct loader *loader;
	const struct bypasses *bypasses;
	const struct keys *keys; /* their cookies' lifetime bounds a drain */
	/* applies what changed: 0 or -errno */
	int (*apply)(void *data);
	void *data;
};

/* "service.list", ".add", ".del", ".policy" */
extern const struct request_handler service_requests[];
/* stats_requests.c: "stats" */
extern const struct request_handler stats_requests[];

/*
 * [{"listen" "name" "policy" "by_hand" "armed" "cookies" "cookies_why" "why"
 * "bypasses"}]
 */
json_t *services_json(const struct services *s, const struct bypasses *b);
/*
 * Is everything that was asked for protected? Without a listener there is
 * nothing to protect.
 */
bool services_protect(const struct services *s);
/* Appends a sentence to @list for each that is not protected as asked. */
void services_health(const struct services *s, json_t *list);
/* {REASON: packets}: of all services, or of @c; zero counts are left out. */
json_t *stats_total_json(const struct services *s, const struct loader *l);
json_t *stats_json(const struct counters *c);

/*
 * The service named by member "listen"; NULL, with the request refused, if
 * there is none.
 */
const struct service *service_of_request(const struct services *s,
					 struct request *r);
/* Refuses an unknown member "listen"; the hint lists the services. */
json_t *service_refuse_unknown(const struct services *s, struct request *r);
/* The hint "there are *:80 (web), *:81". */
void service_hint(const struct services *s, struct request *r);

#endif
