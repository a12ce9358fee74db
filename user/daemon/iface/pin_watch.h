/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: without its pins the data path lives only as long as
 * this process: the next instance would find nothing to take over. They are
 * checked periodically and restored from the descriptors that the daemon holds.
 */
#ifndef PIN_WATCH_H
#define PIN_WATCH_H

#include "ifaces.h"
#include "loop/backoff.h"

struct pin_watch {
	struct loader *loader;
	const struct ifaces *ifaces;
	bool gone;	      /* missing and cannot be restored */
	struct backoff retry; /* to restore them */
};

/* The arguments must outlive it. */
void pin_watch_init(struct pin_watch *w, struct loader *l,
		    const struct ifaces *ifaces);
/* Checks the pins and restores missing ones. Logs what it found. */
void pin_watch_look(struct pin_watch *w);

#endif
