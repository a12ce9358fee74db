/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: CPUs may write a session while it is read. Its first
 * word changes with every packet and transition, its birth when the entry is
 * reused: if neither changed during the copy, the copy is of one session.
 */
#ifndef SESSION_COPY_H
#define SESSION_COPY_H

#include "synkeeper/abi.h"

enum { SNAPSHOT_TRIES = 4 }; /* a session is written sixty times a second */

/* Copies @from. Returns false if it is free, or kept changing. */
static inline bool session_snapshot(const struct session *from,
				    struct session *ret)
{
	const volatile __u64 *word = &from->live.word;
	int tries;

	for (tries = 0; tries < SNAPSHOT_TRIES; tries++) {
		__u64 before = __atomic_load_n(word, __ATOMIC_ACQUIRE);

		memcpy(ret, from, sizeof(*ret));
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (*word == before &&
		    *(const volatile __u32 *)&from->born == ret->born) {
			ret->live.word = before;
			return ret->live.state != SESSION_FREE;
		}
	}
	return false;
}

#endif
