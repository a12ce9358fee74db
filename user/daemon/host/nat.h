/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: what the daemon knows about NAT. The host's own view
 * (netfilter.h) is read before the first endpoint is written, polled twice a
 * second, and reread at once when the kernel announces a change of rules. What
 * is learned from clients (nat_detect.h) is kept by service and family, apart
 * from the services: a reload or a change of listeners does not affect it.
 */
#ifndef NAT_H
#define NAT_H

#include <systemd/sd-event.h>

#include "nat_detect.h"
#include "maps/totals.h"
#include "nft/netfilter.h"

struct nat; /* opaque */

/*
 * Reads the host's view. @totals count the clients that got through. 0 or
 * -errno.
 */
int nat_init(const struct totals *totals, struct nat **ret);
void nat_free(struct nat *n);
/* Calls @changed whenever nat_look() should run at once. */
void nat_subscribe(struct nat *n, sd_event *loop, void (*changed)(void *data),
		   void *data);

/* Polls the host and what was learned. Returns whether anything changed. */
bool nat_look(struct nat *n);

/* Like netfilter_at(). */
enum nf_fate nat_at(const struct nat *n, bool v4, const __be32 addr[4],
		    __be16 port);

/* Like netfilter_judge(), netfilter_rewrites() and netfilter_version(). */
void nat_judge(const struct nat *n, const struct nf_asked *asked,
	       struct nf_findings *ret);
unsigned int nat_rewrites(const struct nat *n, const struct nf_asked *asked,
			  struct nf_rewrite *ret);
unsigned int nat_version(const struct nat *n);
/* Does a rule lead some connections to a transparent proxy? These there? */
bool nat_proxies(const struct nat *n);
bool nat_proxied(const struct nat *n, bool v4, const __be32 addr[4],
		 __be16 port);

/* What was learned from clients about service @id. */
enum nat_found nat_found(const struct nat *n, __u16 id, bool v4);
/* Has any client ever got through to it, earlier instances included? */
bool nat_reached(const struct nat *n, __u16 id);
/* A client's socket was refused or lost, or the kernel's cookie failed. */
void nat_witness(struct nat *n, const struct event *e, enum nat_found claim);
/* An earlier instance used the kernel's cookies for it, reason unknown. */
void nat_inherit(struct nat *n, __u16 id, bool v4);
/* @id denotes another address from now on. */
void nat_forget(struct nat *n, __u16 id);

#endif
