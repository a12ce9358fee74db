/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: what the daemon believes about NAT. The host's own view
 * (netfilter.h) is read before the first endpoint is written, looked at twice a
 * second, and followed at once when the kernel announces a change of rules.
 * What clients teach (nat_detect.h) is kept by service and family, apart from
 * the services: a reload, or a listener more or less, does not touch it.
 */
#ifndef NAT_H
#define NAT_H

#include <systemd/sd-event.h>

#include "nat_detect.h"
#include "maps/totals.h"
#include "nft/netfilter.h"

struct nat; /* opaque */

/* Reads the host's view. @totals tell who got through. 0 or -errno. */
int nat_init(const struct totals *totals, struct nat **ret);
void nat_free(struct nat *n);
/* Calls @changed whenever nat_look() is due at once. */
void nat_subscribe(struct nat *n, sd_event *loop, void (*changed)(void *data),
		   void *data);

/* Looks at the host and at what was learned. Has anything changed? */
bool nat_look(struct nat *n);

/* As netfilter_at(). */
enum nf_fate nat_at(const struct nat *n, bool v4, const __be32 addr[4],
		    __be16 port);

/* What clients have taught about service @id. */
enum nat_found nat_found(const struct nat *n, __u16 id, bool v4);
/* Has anybody ever got through to it, also in an earlier instance? */
bool nat_reached(const struct nat *n, __u16 id);
/* A client's socket was refused, lost; or its kernel's cookie was in vain. */
void nat_witness(struct nat *n, const struct event *e, enum nat_found claim);
/*
 * An earlier instance had the kernel's cookies for it, and nothing tells why.
 */
void nat_inherit(struct nat *n, __u16 id, bool v4);
/* @id stands for another address from now on. */
void nat_forget(struct nat *n, __u16 id);

#endif
