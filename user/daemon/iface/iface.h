/* SPDX-License-Identifier: GPL-2.0-only */
/* Theory of operation: one interface, shared by ifaces.c and ifaces_poll.c. */
#ifndef IFACE_H
#define IFACE_H

#include "ifaces.h"

/* The first entry of @ifindex other than @but (NULL: any), or NULL. */
struct attachment *iface_by_index(struct ifaces *f, int ifindex,
				  const struct attachment *but);
/* Of two entries with the same attachment, the first maintains it. */
bool iface_owns(struct ifaces *f, const struct attachment *a);

/* The index of @name; or 0, and errno: ENODEV if there is none. */
int iface_index_of(const struct ifaces *f, const char *name);

/* Writes its entry in the programs' map; without one all traffic passes. */
int iface_write(struct ifaces *f, const struct attachment *a);
void iface_forget(const struct ifaces *f, __u32 ifindex);

/*
 * Attaches to the interface with the configured name. -ENODEV: there is none;
 * any other failure is logged.
 */
int iface_attach(struct ifaces *f, const struct config *c,
		 struct attachment *a);
/* Detaches, unless another entry has the same attachment. */
void iface_detach(struct ifaces *f, struct attachment *a);
/* Nothing is attached: waits for its name to appear. */
void iface_wait_for(struct attachment *a, const char *trouble);
/* Detaches it and removes the entry. */
void iface_drop(struct ifaces *f, struct attachment *a);

#endif
