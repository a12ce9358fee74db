/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the interfaces of the configuration: attached at start,
 * followed while the daemon runs, detached at the end.
 *
 * The kernel knows an interface by its index, the configuration by its name.
 * One that is attached is followed by index, whatever it is called now: an
 * answer needs its MAC and MTU of now. One whose index is gone (a driver was
 * loaded again, a tunnel or a container began anew), or that was not there at
 * the start, is missing: the daemon goes on without, and attaches to what next
 * bears the configured name.
 *
 * One that a reload removes answers no SYN from then on (its MTU in the map is
 * 0) and is detached when cookies in flight have come back, as all are when the
 * daemon is told to end and to detach.
 *
 * Renamed, and configured by its new name: two entries share one attachment
 * until the old name's goes.
 */
#ifndef IFACES_H
#define IFACES_H

#include "attach.h"
#include "host/devices.h"

/* What they need; all of it outlives them. */
struct ifaces_deps {
	const struct loader *loader;
	const struct config *config; /* in force: names, mode, replace */
	/* one that had gone is attached again */
	void (*came)(void *data);
	void *data;
};

struct ifaces {
	struct ifaces_deps deps;
	struct attachment list[2 * CONFIG_IFACES_MAX]; /* and retired */
	size_t n;
	struct devices devices;
	bool ending; /* nothing is attached any more */
};

void ifaces_init(struct ifaces *f, const struct ifaces_deps *deps);
/* Gives back what a pin keeps; all that is attached stays. */
void ifaces_close(struct ifaces *f);

/*
 * Attaches to all of the configuration, and detaches what an earlier instance
 * left elsewhere. Logs what failed and returns -errno: some may be attached.
 */
int ifaces_attach(struct ifaces *f);
/* @found: also what was attached before this start. */
void ifaces_detach(struct ifaces *f, bool found);
void ifaces_detach_retired(struct ifaces *f);
/* From now on none is attached, nor attached again. */
void ifaces_end(struct ifaces *f);

/*
 * One more, as @c wants it; one that is missing is waited for. Logs what failed
 * and returns -errno; nothing is attached then.
 */
int ifaces_add(struct ifaces *f, const struct config *c, const char *name);
/* At once. */
void ifaces_remove(struct ifaces *f, const char *name);
/* When cookies in flight have come back; returns whether that takes a while. */
bool ifaces_retire(struct ifaces *f, const char *name);

/*
 * Gone, back, renamed, with another MAC; detached by others or not first any
 * more; retired and due.
 */
void ifaces_poll(struct ifaces *f);
/* Puts back pins that are gone. Returns how many, or -errno. */
int ifaces_repin(const struct ifaces *f);

/* Is all that was asked for protected? */
bool ifaces_protect(const struct ifaces *f);
/* What @ifindex is called, or "". */
const char *ifaces_name(const struct ifaces *f, int ifindex);

#endif
