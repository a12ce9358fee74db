/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the daemon is a table of parts. What a part needs it is
 * given when it starts, by those functions of daemon.c that the table names; no
 * part knows the daemon, or another part that stands below it in the table.
 * They start in the order of the table and stop in the reverse order, be it
 * that the daemon ends or that its start failed half-way.
 */
#ifndef PART_H
#define PART_H

#include <stdbool.h>

struct daemon;

/* What is taken out of the kernel that would outlive the daemon. */
enum part_detach {
	DETACH_RETIRED, /* only what the configuration does not have any more */
	DETACH_NEW,	/* all but what an earlier instance had left */
	DETACH_ALL,
};

/* All but the name may be NULL. */
struct part {
	const char *name; /* NULL ends the table */
	/* Returns 0, or -errno, logged: the daemon does not start. */
	int (*start)(struct daemon *d);
	/* Also of one that failed to start. */
	void (*stop)(struct daemon *d);
	/* Before all parts are stopped, of those that were started. */
	void (*detach)(struct daemon *d, enum part_detach what);
	/*
	 * The host, or what is wanted of the part, may have changed: looks, and
	 * writes what differs where the BPF programs find it. 0 or -errno.
	 */
	int (*refresh)(struct daemon *d);
	/* Twice a second, after a refresh. */
	void (*tick)(struct daemon *d);
	/* Another configuration is in force: takes its own numbers from it. */
	void (*configured)(struct daemon *d);
};

/* Stops at the first that fails; parts_stop() is due in any case. */
int parts_start(struct daemon *d);
void parts_stop(struct daemon *d);
void parts_detach(struct daemon *d, enum part_detach what);
/* Up to the first that fails. Returns 0 or -errno. */
int parts_refresh(struct daemon *d);
void parts_tick(struct daemon *d);
void parts_configured(struct daemon *d);

#endif
