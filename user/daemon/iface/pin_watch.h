/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: without its pins the data path lives as long as this
 * process: a successor would find nothing to take over. So they are looked at
 * now and then, and put back from the descriptors that the daemon holds.
 */
#ifndef PIN_WATCH_H
#define PIN_WATCH_H

#include "ifaces.h"
#include "loop/backoff.h"

struct pin_watch {
	struct loader *loader;
	const struct ifaces *ifaces;
	bool gone;	      /* they are, and cannot be put back */
	struct backoff retry; /* and it is tried again */
};

/* All outlive it. */
void pin_watch_init(struct pin_watch *w, struct loader *l,
		    const struct ifaces *ifaces);
/* Looks, and puts back what is gone. Says what it found. */
void pin_watch_look(struct pin_watch *w);

#endif
