/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: decides for one endpoint whether it is armed, which
 * cookies it answers with, and why: from the service, its listeners, the
 * kernel's features and NAT; first what the host itself shows, then what was
 * learned from clients.
 */
#ifndef ENDPOINT_H
#define ENDPOINT_H

#include "endpoints.h"

/* An endpoint's address, and who accepts its connections. */
struct place {
	bool v4;
	const __be32 *addr; /* NULL: any local address */
	__be16 port;
	const struct endpoint *had;    /* in the previous round; NULL: none */
	const struct owner_socket *sk; /* NULL: no listener */
	enum nf_fate fate;	       /* filled in */
};

/* Adds to @e->need, and to @svc's backends and the reason for them. */
struct endpoint endpoint_of(struct endpoints *e, struct service *svc,
			    struct place *at, enum service_why *ret_why);

#endif
