/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: user space's hold on the session table and its books
 * (layout and rules: synkeeper/table.h, synkeeper/books.h). The maps are mapped
 * into memory, so looking, entering and ending cost no system call. What is
 * ended here and what the BPF programs see go through the same moves; only
 * when nobody but the daemon knows (a time-out, a kill) it begins here.
 */
#ifndef SESSIONS_H
#define SESSIONS_H

#include "maps/loader.h"
#include "maps/totals.h"

/* Hears of every move made here; an event as the ring would bring it. */
typedef void (*session_events)(void *data, const struct event *e);

struct sessions {
	struct settings *settings;
	struct session_set *tags;
	__u64 *incomplete; /* a bit per set that forgot a live connection */
	struct session *entries;
	const struct totals *totals; /* by service */
	__u32 sets;
	session_events events;
	void *told_data;
};

/*
 * Maps the tables. @settings must hold set_mask and the hash's secrets; it and
 * @totals outlive the table. Returns 0 or -errno, logged. sessions_free() is
 * due in any case.
 */
int sessions_init(struct sessions *s, const struct loader *l,
		  struct settings *settings, const struct totals *totals,
		  session_events events, void *data);
void sessions_free(struct sessions *s);

/* How many there may be. */
static inline __u32 sessions_max(const struct sessions *s)
{
	return s->sets * SET_WAYS / 2;
}

/*
 * Enters a session for a socket in @tcp_state (TCP_xxx), if it is not there and
 * its set has room. For what the kernel held before a service was armed.
 */
void sessions_enter(struct sessions *s, const struct tuple *t, __u16 service,
		    int tcp_state);

/* The entry of @t, and its slot, or NULL. It may change at any time. */
struct session *sessions_find(const struct sessions *s, const struct tuple *t,
			      __u32 *ret_slot);

/* Is there an entry in @set, or in @slot? Looks at the tags only. */
bool sessions_in_set(const struct sessions *s, __u32 set);
bool sessions_in_slot(const struct sessions *s, __u32 slot);

/* Sets that forgot a connection which may live on; see synkeeper/table.h. */
void sessions_mark(struct sessions *s, const struct tuple *t);
bool sessions_marked(const struct sessions *s);
void sessions_set_complete(struct sessions *s);

/*
 * Feeds inputs (1 << enum session_input) to the session in @slot, clears
 * @flags of it, and tells what came of it. Returns whether something changed.
 */
bool sessions_feed(struct sessions *s, __u32 slot, __u32 inputs, __u8 flags);
/* Sets flags of it. */
void sessions_flag(struct sessions *s, __u32 slot, __u8 flags);

#endif
