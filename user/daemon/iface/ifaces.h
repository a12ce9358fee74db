/* SPDX-License-Identifier: GPL-2.0-only */
/* Theory of operation: what ifaces.c and ifaces_follow.c share. */
#ifndef IFACES_H
#define IFACES_H

#include "daemon.h"

/* The first entry of @ifindex besides @but (NULL: any), or NULL. */
struct attachment *iface_by_index(struct daemon *d, int ifindex,
				  const struct attachment *but);
/* Of two entries with the same attachment, the first looks after it. */
bool iface_owns(struct daemon *d, const struct attachment *a);

/* The number of what is called @name; 0, and errno: ENODEV if there is none. */
int iface_index_of(const struct daemon *d, const char *name);

/* The programs' map: its entry as it is to be now; without one all passes. */
int iface_write(struct daemon *d, const struct attachment *a);
void iface_forget(const struct daemon *d, __u32 ifindex);

/*
 * Attaches to the interface that bears the configured name now. -ENODEV: there
 * is none; all else that fails is logged.
 */
int iface_put_on(struct daemon *d, const struct config *c,
		 struct attachment *a);
/* Lets go of it, unless another entry has the same. */
void iface_take_off(struct daemon *d, struct attachment *a);
/* Nothing of it is attached: its name is waited for. */
void iface_wait_for(struct attachment *a, const char *trouble);
/* Takes it off, and removes the entry. */
void iface_drop(struct daemon *d, struct attachment *a);

#endif
