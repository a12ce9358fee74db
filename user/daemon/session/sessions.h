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

#include "text/filter.h"
#include "maps/loader.h"
#include "kernel/sockdiag.h"
#include "synkeeper/session_stats.h"

/* Hears of every move made here; an event as the ring would bring it. */
typedef void (*session_told)(void *data, const struct event *e);

struct sessions {
	struct settings *settings;
	struct session_set *tags;
	__u64 *marks; /* a bit per set that forgot a live connection */
	struct session *entries;
	struct session_totals *totals; /* by service */
	__u32 sets;
	session_told told;
	void *told_data;
};

/* Maps the tables. @settings must hold set_mask and the hash's secrets. */
int sessions_init(struct sessions *s, const struct loader *l,
		  struct settings *settings, session_told told, void *data);
void sessions_free(struct sessions *s);

/* Copies the books of @service; service 0: the sum of all there ever were. */
void sessions_totals(const struct sessions *s, __u16 service,
		     struct session_totals *ret);
/* Sessions alive in books @t: pending to closing. */
__u64 totals_alive(const struct session_totals *t);
/* For a service id that is given to another address. */
void sessions_forget_totals(struct sessions *s, __u16 service);

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
void sessions_unmark(struct sessions *s);

/*
 * Feeds inputs (1 << enum session_input) to the session in @slot, clears
 * @flags of it, and tells what came of it. Returns whether something changed.
 */
bool sessions_feed(struct sessions *s, __u32 slot, __u32 inputs, __u8 flags);
/* Sets flags of it. */
void sessions_flag(struct sessions *s, __u32 slot, __u8 flags);

#endif
