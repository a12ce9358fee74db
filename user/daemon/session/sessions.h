/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: user space's access to the session table and session
 * stats (layout and rules: synkeeper/session_table.h,
 * synkeeper/session_stats.h). The maps are mapped into memory, so lookup, entry
 * and end cost no system call. Changes made here and those made by the BPF
 * programs go through the same transitions; only what the daemon alone knows (a
 * timeout, a kill) starts here.
 */
#ifndef SESSIONS_H
#define SESSIONS_H

#include "maps/loader.h"
#include "maps/totals.h"
#include "synkeeper/session_table.h"

/*
 * Called for every transition made here, with an event as from the ring buffer.
 */
typedef void (*session_events)(void *data, const struct event *e);

struct sessions {
	struct settings *settings;
	struct session_set *tags;
	__u64 *summary;	   /* both, see synkeeper/session_summary.h */
	__u64 *incomplete; /* a bit per set that evicted a live connection */
	struct session *entries;     /* see sessions_at() */
	const struct totals *totals; /* by service */
	__u32 sets;
	session_events events;
	void *told_data;
};

/*
 * Maps the tables. @settings must hold set_mask and the hash's secrets; it and
 * @totals outlive the table. Returns 0 or -errno, logged. Call sessions_free()
 * in either case.
 */
int sessions_init(struct sessions *s, const struct loader *l,
		  struct settings *settings, const struct totals *totals,
		  session_events events, void *data);
void sessions_free(struct sessions *s);

/* The line of @slot. It may change at any time. */
static inline struct session *sessions_at(const struct sessions *s, __u32 slot)
{
	return &s->entries[table_line(s->sets, slot)];
}

/* Capacity, in sessions. */
static inline __u32 sessions_max(const struct sessions *s)
{
	return s->sets * SET_WAYS / 2;
}

/*
 * Enters a session for a socket in @tcp_state (TCP_xxx), if it is absent and
 * its set has room. For connections from before a service was armed.
 */
void sessions_enter(struct sessions *s, const struct tuple *t, __u16 service,
		    int tcp_state);

/*
 * Puts a copy of @e, which is in the session stats already, if it is absent and
 * its set has room. Returns whether it is in the table, or was and ended. If
 * not, as a packet entered it at the same moment, @e is what it has become.
 */
bool sessions_put(struct sessions *s, struct session *e);

/* The entry of @t, and its slot, or NULL. It may change at any time. */
struct session *sessions_find(const struct sessions *s, const struct tuple *t,
			      __u32 *ret_slot);

/* Is there an entry in @set, or in @slot? Looks at the tags only. */
bool sessions_in_set(const struct sessions *s, __u32 set);
bool sessions_in_slot(const struct sessions *s, __u32 slot);

/*
 * Incomplete sets: those that evicted a connection which may still exist; see
 * synkeeper/session_table.h.
 */
void sessions_mark(struct sessions *s, const struct tuple *t);
bool sessions_marked(const struct sessions *s);
void sessions_set_complete(struct sessions *s);

/*
 * Feeds inputs (1 << enum session_input) to the session in @slot, clears its
 * @flags, and reports the transition. Returns whether anything changed.
 */
bool sessions_feed(struct sessions *s, __u32 slot, __u32 inputs, __u8 flags);
/* Sets its flags. */
void sessions_flag(struct sessions *s, __u32 slot, __u8 flags);

#endif
