/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: what SYN-ACKs of each service promise
 * (synkeeper/promise.h), for people who compare nodes that share a secret: a
 * service's cookies are accepted only by nodes that promise the same. A
 * service's profile is that of its endpoints, one of either family; the node's
 * is a hash over its services, in any order.
 */
#ifndef PROFILE_H
#define PROFILE_H

#include "service_requests.h"

/* "0123abcd": equal if all services promise the same. */
enum { PROFILE_MAX = 9 };
const char *profile_of(const struct services *s, const struct settings *cfg,
		       char buf[PROFILE_MAX]);

/* "cluster", of a struct service_request_deps. */
extern const struct request_handler profile_requests[];

#endif
