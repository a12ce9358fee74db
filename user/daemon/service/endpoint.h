/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: what one endpoint comes to: is it armed, whose cookies
 * does it answer with, and why. Decided from the service, its listeners, the
 * kernel's abilities and NAT: first what the host itself tells, then what
 * clients have taught.
 */
#ifndef ENDPOINT_H
#define ENDPOINT_H

#include "endpoints.h"

/* Where an endpoint is, and who takes its connections. */
struct place {
	bool v4;
	const __be32 *addr; /* NULL: any of the host's */
	__be16 port;
	const struct endpoint *had;    /* in the round before; NULL: none */
	const struct owner_socket *sk; /* NULL: nobody listens */
	enum nf_fate fate;	       /* is filled in */
};

/*
 * Adds what is needed to @e->need, and to @svc its backends and why it has
 * them.
 */
struct endpoint endpoint_of(struct endpoints *e, struct service *svc,
			    struct place *at, enum service_why *ret_why);

#endif
