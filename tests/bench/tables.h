/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: fills session tables of any size quickly, by writing to
 * the maps' memory. The entries are those of wrap.h by number, established and
 * active just now; the kernel has no sockets for them.
 */
#ifndef TESTS_BENCH_TABLES_H
#define TESTS_BENCH_TABLES_H

#include <stddef.h>

#include "synkeeper/session_summary.h"
#include "synkeeper/session_table.h"

struct tables {
	struct session_set *tags;
	struct session *entries;
	__u64 *summary; /* both */
	__u32 sets;
};

/* As many as the daemon makes for @sessions. */
__u32 tables_sets(__u32 sessions);

/* Their descriptors. */
struct tables_fds {
	int tags, sessions, summary;
};

/* Maps the first @sets sets of the maps. Returns 0 or -errno. */
int tables_map(struct tables *t, const struct tables_fds *fds, __u32 sets);
void tables_unmap(struct tables *t);

/* Clears everything. */
void tables_clear(struct tables *t);

/*
 * Inserts sessions 0 to @n - 1 of @service, which is at IPv4 @server, @port,
 * except those whose set is full. Returns how many were inserted.
 */
__u32 tables_fill(struct tables *t, const struct settings *cfg, __be32 server,
		  __be16 port, __u16 service, __u32 n);

/* Fills all free ways with sessions that match no packet. */
void tables_fill_up(struct tables *t, __u16 service);
/* The same for one set. */
void tables_fill_set(struct tables *t, __u32 set, __u16 service);

/* Summarizes all of them, as the daemon would. Returns where. */
union summary_places tables_summarize(struct tables *t);
/* Lets the summaries deny nothing, until the daemon makes new ones. */
void tables_deny_nothing(struct tables *t);

#endif
