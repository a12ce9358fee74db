/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the pinned session table (synkeeper/session_table.h),
 * mapped read-only while the data path writes to it. No daemon is needed, and
 * only the current session is copied (session_copy.h). At worst a session is
 * shown that just ended, or one is missing that just began.
 */
#ifndef TABLE_VIEW_H
#define TABLE_VIEW_H

#include "cmd.h"
#include "synkeeper/abi.h"

struct known_service; /* table_view.c */

struct session_table {
	const struct session_set *tags;
	const struct session *sessions;
	size_t tags_size; /* of the mappings */
	size_t sessions_size;
	__u32 sets;
	int services_fd;
	struct known_service *services; /* by id, looked up on demand */
	struct settings settings;	/* with the seeds of the hash */
};

/* Returns 0, or -1 after a message. */
int table_view_open(const struct cmd *c, struct session_table *ret);
void table_view_close(struct session_table *t);

/*
 * Copies the next session at or after slot *@pos, 0 to begin with, and moves
 * *@pos past it. Returns false at the end.
 */
bool table_view_next(const struct session_table *t, size_t *pos,
		     struct session *ret);

bool table_view_find(const struct session_table *t, const struct tuple *tuple,
		     struct session *ret);

/* The service with this id, or NULL; valid until table_view_close(). */
const struct service_info *table_view_service(struct session_table *t,
					      __u16 id);

/* Now, on the clock of the sessions, in ticks. */
__u32 table_view_now(void);

#endif
