/* SPDX-License-Identifier: GPL-2.0-only */
/* Theory of operation: what the verbs of `synkeeper session` share. */
#ifndef CMD_SESSION_H
#define CMD_SESSION_H

#include "cmd.h"
#include "text/filter.h"
#include "table_view.h"

int session_show(const struct cmd *c, const struct cmd_args *args);
int session_kill(const struct cmd *c, const struct cmd_args *args);
int session_watch(const struct cmd *c, const struct cmd_args *args);
int session_totals(const struct cmd *c, const struct cmd_args *args);

/* Parses the operands as a filter: CMD_DONE, or CMD_USAGE after a message. */
int session_filter(const struct cmd *c, const struct cmd_args *args,
		   struct filter *ret);

/* The same words as a JSON array, owned by the caller; NULL: no memory. */
json_t *session_filter_words(const struct cmd_args *args);

/* {"client" "server" "service" "name" "state" "age_s" "idle_s"} */
json_t *session_row(struct session_table *t, const struct session *s);

#endif
