/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the session table seen from user space: look up, enter,
 * empty. The walk over a set's ways is written here once more, plainly.
 */
#ifndef TESTS_BPF_SESSIONS_H
#define TESTS_BPF_SESSIONS_H

#include "harness.h"

__u32 sessions_now(void); /* ticks */
void sessions_clear(void);

/* The tuple of a packet of the client. */
struct tuple sessions_tuple(const struct spec *s);

/* Returns the state; SESSION_FREE if @t is unknown. @ret may be NULL. */
enum session_state sessions_find(const struct tuple *t, struct session *ret);

/* Makes @t's session older: what comes now is not on its heels. */
void sessions_age(const struct tuple *t);

/* Enters @s where its hash says, as the BPF side would. */
void sessions_put(const struct session *s);
void sessions_put_state(const struct spec *of, enum session_state state);

unsigned sessions_set_of(const struct tuple *t);
unsigned sessions_in_set(unsigned set);

/* The mark of a set that has forgotten something; clears its word's others. */
void sessions_mark(unsigned set, bool marked);
bool sessions_is_marked(unsigned set);

#endif
