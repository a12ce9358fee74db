/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the daemon is a table of parts. A part is given what it
 * needs when it starts, by the functions of daemon.c that the table names; it
 * knows neither the daemon nor the parts below it in the table. Parts start in
 * table order and stop in reverse, whether the daemon exits or its start failed
 * half-way.
 */
#ifndef PART_H
#define PART_H

#include <stdbool.h>

struct daemon;

/* What to remove from the kernel of that which would outlive the daemon. */
enum part_detach {
	DETACH_RETIRED, /* only what is no longer configured */
	DETACH_NEW,	/* all but what an earlier instance left */
	DETACH_ALL,
};

/* Every member but the name may be NULL. */
struct part {
	const char *name; /* NULL: end of the table */
	/* Returns 0, or -errno, logged, and the daemon does not start. */
	int (*start)(struct daemon *d);
	/* Also called if start() failed. */
	void (*stop)(struct daemon *d);
	/* Called before any part is stopped, if it was started. */
	void (*detach)(struct daemon *d, enum part_detach what);
	/*
	 * The host, or the demand on the part, may have changed: checks and
	 * updates the maps. 0 or -errno.
	 */
	int (*refresh)(struct daemon *d);
	/* Twice a second, after a refresh. */
	void (*tick)(struct daemon *d);
	/* A new configuration is in force: takes its values from it. */
	void (*configured)(struct daemon *d);
};

/* Stops at the first failure; call parts_stop() in either case. */
int parts_start(struct daemon *d);
void parts_stop(struct daemon *d);
void parts_detach(struct daemon *d, enum part_detach what);
/* Stops at the first failure. Returns 0 or -errno. */
int parts_refresh(struct daemon *d);
void parts_tick(struct daemon *d);
void parts_configured(struct daemon *d);

#endif
