/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the requests about services, and what others tell of
 * them. A change is in force, in the maps too, before it is answered, or it is
 * taken back; who asked is shown what came of it.
 */
#ifndef SERVICE_REQUESTS_H
#define SERVICE_REQUESTS_H

#include "control/request.h"
#include "services.h"

struct keys;

/* What the requests work on; all of it outlives them. */
struct service_request_deps {
	struct services *services;
	const struct loader *loader;
	const struct keys *keys; /* whose cookies a service drains for */
	/* puts what has changed into force: 0 or -errno */
	int (*apply)(void *data);
	void *data;
};

/* "service.list", ".add", ".del", ".policy" */
extern const struct request_handler service_requests[];
/* stats_requests.c: "stats" */
extern const struct request_handler stats_requests[];

/*
 * [{"listen" "name" "policy" "by_hand" "armed" "cookies" "cookies_why" "why"}]
 */
json_t *services_json(const struct services *s);
/*
 * Is all that was asked for protected? Where nobody listens nothing is to be.
 */
bool services_protect(const struct services *s);
/*
 * Appends a sentence to @list for each that is not protected as it should be.
 */
void services_health(const struct services *s, json_t *list);
/* {REASON: packets}: of all services, or of @c; what never came is left out. */
json_t *stats_total_json(const struct services *s, const struct loader *l);
json_t *stats_json(const struct counters *c);

/*
 * The one that member "listen" names; NULL, and it has refused: there is none.
 */
const struct service *service_of_request(const struct services *s,
					 struct request *r);
/* Member "listen" is none of the services, which the hint names. */
json_t *service_refuse_unknown(const struct services *s, struct request *r);
/* The hint "there are *:80 (web), *:81". */
void service_hint(const struct services *s, struct request *r);

#endif
