/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the session table from user space: look up, insert,
 * clear. The search of a set's ways is a simple implementation of its own.
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

/* Ages @t's session, so that the next packet is not back to back with it. */
void sessions_age(const struct tuple *t);

/* Makes it back to back, however long this machine took since. */
void sessions_renew(const struct tuple *t);

/* Inserts @s where its hash says, as the BPF side would. */
void sessions_put(const struct session *s);
void sessions_put_state(const struct spec *of, enum session_state state);

/* May @t be known, by the summary in use? */
bool sessions_is_summarized(const struct tuple *t);

unsigned sessions_set_of(const struct tuple *t);
unsigned sessions_in_set(unsigned set);

/* Sets or clears @set in incomplete_sets; clears the others of its word. */
void sessions_mark(unsigned set, bool marked);
bool sessions_is_marked(unsigned set);

#endif
