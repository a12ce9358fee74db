/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the configured interfaces: attached at start, tracked
 * while the daemon runs, detached at exit.
 *
 * The kernel knows an interface by its index, the configuration by its name. An
 * attached one is tracked by index, whatever its current name: answers need its
 * current MAC and MTU. One whose index is gone (its driver was reloaded, a
 * tunnel or container recreated), or that did not exist at start, is missing:
 * the daemon goes on without it and attaches to the next interface with the
 * configured name.
 *
 * One that a reload removes stops answering SYNs at once (its MTU in the map
 * becomes 0) and is detached when cookies in flight have returned; so are all
 * when the daemon exits and has to detach.
 *
 * If an interface is renamed and then configured by its new name, two entries
 * share one attachment until the old name's goes.
 */
#ifndef IFACES_H
#define IFACES_H

#include "attach.h"
#include "host/devices.h"
#include "host/next_hop.h"

/* Everything here must outlive struct ifaces. */
struct ifaces_deps {
	const struct loader *loader;
	const struct next_hops *hops;
	const struct config *config; /* in force: names, mode, replace */
	/* a missing interface was attached again */
	void (*came)(void *data);
	void *data;
};

struct ifaces {
	struct ifaces_deps deps;
	struct attachment list[2 * CONFIG_IFACES_MAX]; /* and retired ones */
	size_t n;
	struct devices devices;
	bool ending; /* attach nothing any more */
};

void ifaces_init(struct ifaces *f, const struct ifaces_deps *deps);
/* Closes the links; everything stays attached through its pins. */
void ifaces_close(struct ifaces *f);

/*
 * Attaches to all configured interfaces and detaches what an earlier instance
 * left elsewhere. Returns -errno, logged; some may then be attached.
 */
int ifaces_attach(struct ifaces *f);
/* @found: also what was attached before this start. */
void ifaces_detach(struct ifaces *f, bool found);
void ifaces_detach_retired(struct ifaces *f);
/* From now on nothing is attached or reattached. */
void ifaces_end(struct ifaces *f);

/*
 * Adds one, as @c says; waits for it if it is missing. Returns -errno, logged;
 * then nothing is attached.
 */
int ifaces_add(struct ifaces *f, const struct config *c, const char *name);
/* At once. */
void ifaces_remove(struct ifaces *f, const char *name);
/* Once cookies in flight have returned; returns whether that takes time. */
bool ifaces_retire(struct ifaces *f, const char *name);

/*
 * Handles interfaces that are gone, back, renamed or have a new MAC, programs
 * detached or overtaken by others, and retired interfaces that are due.
 */
void ifaces_poll(struct ifaces *f);
/* Restores missing pins. Returns how many, or -errno. */
int ifaces_repin(const struct ifaces *f);

/* Is everything that was asked for protected? */
bool ifaces_protect(const struct ifaces *f);
/*
 * The one interface that brings packets to the programs, or 0: there are
 * several, or devices on top of it (VLAN, macvlan), whose packets pass by there
 * as well.
 */
int ifaces_only(const struct ifaces *f);
/* The name of @ifindex, or "". */
const char *ifaces_name(const struct ifaces *f, int ifindex);

#endif
