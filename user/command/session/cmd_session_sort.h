/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: of many sessions, the first few in some order. They are
 * kept in a heap whose root is the last of them: a newcomer that comes before
 * it takes its place. So a million sessions are sorted in the memory of as many
 * as are shown, and most of them cost one comparison.
 */
#ifndef CMD_SESSION_SORT_H
#define CMD_SESSION_SORT_H

#include "synkeeper/abi.h"

#define SESSION_SORT_KEYS "age, idle, client, server, state, service"

struct session_sort {
	/* Less than 0: @a comes first. */
	int (*compare)(const struct session *a, const struct session *b);
	struct session *kept; /* @n of @room */
	size_t n, room;
	size_t offered;
};

/* -ENOENT: there is no such key; -ENOMEM. Words are not shortened. */
int session_sort_init(struct session_sort *s, const char *key, size_t room);
void session_sort_free(struct session_sort *s);

void session_sort_offer(struct session_sort *s, const struct session *one);

/* Puts what was kept in order; nothing can be offered any more. */
void session_sort_finish(struct session_sort *s);

#endif
