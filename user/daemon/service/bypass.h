/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: which firewall rules would refuse some SYNs to a
 * service, and do not, as XDP answers first (nft/netfilter.h). All services are
 * looked at again when the rules or the interfaces change, a bounded number of
 * rules at a time. A rule that comes is logged once for each service, which
 * then yields: the kernel answers its SYNs, so that the rule counts, until
 * there is a flood.
 */
#ifndef BYPASS_H
#define BYPASS_H

#include <jansson.h>

#include "host/nat.h"
#include "iface/ifaces.h"
#include "services.h"

struct bypasses; /* opaque */

/* 0 or -ENOMEM. */
int bypasses_init(struct bypasses **ret);
void bypasses_free(struct bypasses *b);

/* Looks at services, as far as anything has changed, and has them yield. */
void bypasses_look(struct bypasses *b, const struct nat *nat,
		   const struct ifaces *ifaces, struct services *s);

/* ["inet filter input handle 7: tcp flags syn drop"] */
json_t *bypasses_json(const struct bypasses *b, const struct service *svc);
/* Appends a sentence to @list for each service that has any. */
void bypasses_health(const struct bypasses *b, const struct services *s,
		     json_t *list);

#endif
