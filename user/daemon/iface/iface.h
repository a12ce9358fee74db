/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: what ifaces.c and ifaces_poll.c share: one interface.
 */
#ifndef IFACE_H
#define IFACE_H

#include "ifaces.h"

/* The first entry of @ifindex besides @but (NULL: any), or NULL. */
struct attachment *iface_by_index(struct ifaces *f, int ifindex,
				  const struct attachment *but);
/* Of two entries with the same attachment, the first looks after it. */
bool iface_owns(struct ifaces *f, const struct attachment *a);

/* The number of what is called @name; 0, and errno: ENODEV if there is none. */
int iface_index_of(const struct ifaces *f, const char *name);

/* The programs' map: its entry as it is to be now; without one all passes. */
int iface_write(struct ifaces *f, const struct attachment *a);
void iface_forget(const struct ifaces *f, __u32 ifindex);

/*
 * Attaches to the interface that bears the configured name now. -ENODEV: there
 * is none; all else that fails is logged.
 */
int iface_attach(struct ifaces *f, const struct config *c,
		 struct attachment *a);
/* Lets go of it, unless another entry has the same. */
void iface_detach(struct ifaces *f, struct attachment *a);
/* Nothing of it is attached: its name is waited for. */
void iface_wait_for(struct attachment *a, const char *trouble);
/* Takes it off, and removes the entry. */
void iface_drop(struct ifaces *f, struct attachment *a);

#endif
