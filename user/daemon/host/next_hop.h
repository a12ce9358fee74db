/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: what the programs need to know of the host's routing to
 * send an answer where the kernel would (bpf/path/next_hop.bpf.h): rules and
 * routes of both families, the MAC of the default gateway, and that the kernel
 * may be asked for the rest (kernel/forwarding.h).
 *
 * The kernel announces changes. They only mark what is known as old: it is read
 * again at once if that was long ago, else when reading takes no more than a
 * fiftieth of the time. Meanwhile nothing is received, so that a router whose
 * routes change all the time costs no more. Neighbours are announced often;
 * only a gateway's matters.
 */
#ifndef NEXT_HOP_H
#define NEXT_HOP_H

#include <systemd/sd-event.h>

#include "devices.h"
#include "kernel/routing.h"
#include "route_metrics.h"
#include "synkeeper/abi.h"

struct next_hops {
	struct settings *settings; /* mapped */
	struct routing v4, v6;
	struct route_metrics_maps metrics;
	struct mnl_socket *events, *nl; /* owned; NULL: none could be had */
	sd_event_source *io, *timer;
	bool current;
	bool told[2]; /* by family: that lo.forwarding cannot be set */
	__u64 read_ns, next_ns; /* last read; not before */
	void (*changed)(void *data);
	void *data;
};

/* @maps: copied. */
void next_hops_init(struct next_hops *h, struct settings *settings,
		    const struct route_metrics_maps *maps);
void next_hops_free(struct next_hops *h);

/*
 * Calls @changed when next_hops_of() may say something else. Returns 0 or
 * -errno, logged.
 */
int next_hops_watch(struct next_hops *h, sd_event *loop,
		    void (*changed)(void *data), void *data);

/* Reads what has changed, and has lo.forwarding set where it is needed. */
void next_hops_poll(struct next_hops *h);

/*
 * Where answers go that arrive at @device, the index that routes have, or with
 * a tag for a VLAN device of @all on it. @name: its name, for its sysctls.
 */
void next_hops_of(const struct next_hops *h, const struct devices *all,
		  int device, const char *name, struct next_hop *ret4,
		  struct next_hop *ret6);

/* Puts lo.forwarding back. */
void next_hops_restore(struct next_hops *h);

#endif
