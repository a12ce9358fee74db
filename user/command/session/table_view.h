/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the pinned session table (synkeeper/table.h), mapped
 * read-only while the data path writes it; no daemon is needed, and nothing is
 * copied but the session at hand (snapshot.h). The worst that happens is a
 * session shown that just ended, or one missing that just began.
 */
#ifndef TABLE_VIEW_H
#define TABLE_VIEW_H

#include "cmd.h"
#include "synkeeper/abi.h"

struct known_service; /* table.c */

struct session_table {
	const struct session_set *tags;
	const struct session *sessions;
	size_t tags_size; /* of the mappings */
	size_t sessions_size;
	__u32 sets;
	int services_fd;
	struct known_service *services; /* by id; asked for one by one */
	struct settings settings;	/* has the secrets of the hash */
};

/* Returns 0, or -1 and has said why. */
int table_open(const struct cmd *c, struct session_table *ret);
void table_close(struct session_table *t);

/*
 * Copies the next session from way *@pos on, which begins with 0, and moves
 * *@pos behind it. False at the end.
 */
bool table_next(const struct session_table *t, size_t *pos,
		struct session *ret);

bool table_find(const struct session_table *t, const struct tuple *tuple,
		struct session *ret);

/* What the id stands for, NULL if that is not known. */
const struct service_info *table_service(struct session_table *t, __u16 id);

/* The clock of the sessions, in ticks. */
__u32 table_now(void);

#endif
