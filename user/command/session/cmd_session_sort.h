/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the first few of many sessions in a given order. They
 * are kept in a heap whose root sorts last: a session that sorts before the
 * root replaces it. So a million sessions are sorted in memory for as many as
 * are shown, and most of them cost one comparison.
 */
#ifndef CMD_SESSION_SORT_H
#define CMD_SESSION_SORT_H

#include "synkeeper/abi.h"

#define SESSION_SORT_KEYS "age, idle, client, server, state, service"

struct session_sort {
	/* < 0: @a sorts first */
	int (*compare)(const struct session *a, const struct session *b);
	struct session *kept; /* @n of @room */
	size_t n, room;
	size_t offered;
};

/*
 * Keeps the first @room sessions by @key. Returns 0, -ENOENT: no such key (no
 * abbreviations), or -ENOMEM.
 */
int session_sort_init(struct session_sort *s, const char *key, size_t room);
void session_sort_free(struct session_sort *s);

void session_sort_offer(struct session_sort *s, const struct session *one);

/* Sorts what was kept; no more sessions can be offered then. */
void session_sort_finish(struct session_sort *s);

#endif
