/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the sessions' totals by service, as the programs and
 * session/sessions.h keep them (synkeeper/session_stats.h). The map is mapped
 * into memory, so that reading costs no system call.
 */
#ifndef TOTALS_H
#define TOTALS_H

#include "synkeeper/session_stats.h"

struct loader;

struct totals {
	struct session_totals *of; /* by row and service id */
	__u32 rows;		   /* a CPU each, or a few; the daemon: row 0 */
};

/*
 * Maps them. Returns 0 or -errno, logged. Call totals_unmap() in either case.
 */
int totals_map(const struct loader *l, struct totals *ret);
void totals_unmap(struct totals *t);

/* Where to add for service @id; the pointer stays valid. */
static inline struct session_totals *totals_of(const struct totals *t, __u16 id)
{
	return &t->of[id % SERVICES_MAX];
}

/* Copies those of @id; 0: the sum over all services, past ones included. */
void totals_read(const struct totals *t, __u16 id, struct session_totals *ret);
/* Sessions alive in @t: pending to closing. */
__u64 totals_alive(const struct session_totals *t);
/* Zeroes them, for a service id that is reused for another address. */
void totals_forget(const struct totals *t, __u16 id);

#endif
