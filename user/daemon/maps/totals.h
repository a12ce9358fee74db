/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the sessions' totals by service, as the programs and
 * session/sessions.h keep them (synkeeper/session_stats.h). The map is mapped
 * into memory, so that reading costs no system call.
 *
 * An earlier instance's map may have other rows (one, until ABI 8). Then ours
 * begins with what it holds. Its programs go on counting there until they are
 * replaced; once the last of them has ended, totals_settle() adds what they
 * have counted since. So no total is ever lower than before, nor counted twice.
 */
#ifndef TOTALS_H
#define TOTALS_H

#include "synkeeper/session_stats.h"

struct loader;

struct totals {
	struct session_totals *of; /* by stats_index() */
	__u32 rows;		   /* a CPU each, or a few; the daemon: row 0 */
	__u32 end;		   /* no id from here on has any */
	/* an earlier instance's, likewise, until settled; or NULL */
	struct session_totals *former;
	__u32 former_rows;
	struct session_totals *followed; /* by id: what row 0 has of them */
};

/*
 * Maps them, with what the rows hold that @l has kept, if any. Returns 0 or
 * -errno, logged. Call totals_unmap() in either case.
 */
int totals_map(const struct loader *l, struct totals *ret);
void totals_unmap(struct totals *t);

/* Where to add for service @id; the pointer stays valid. */
static inline struct session_totals *totals_of(const struct totals *t, __u16 id)
{
	return &t->of[id % SERVICES_MAX];
}

/* Has to be called before anything may be counted for service @id. */
void totals_use(struct totals *t, __u16 id);

/* Adds to row 0 what was counted in the former rows since the last call. */
void totals_follow(struct totals *t);
/* The same for the last time: nobody counts there any more. Unmaps them. */
void totals_settle(struct totals *t);

/* Copies those of @id; 0: the sum over all services, past ones included. */
void totals_read(const struct totals *t, __u16 id, struct session_totals *ret);
/* Sessions alive in @t: pending to closing. */
__u64 totals_alive(const struct session_totals *t);
/* Zeroes them, for a service id that is reused for another address. */
void totals_forget(const struct totals *t, __u16 id);

#endif
