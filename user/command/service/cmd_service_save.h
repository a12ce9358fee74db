/* SPDX-License-Identifier: GPL-2.0-only */
/* Theory of operation: what was changed by hand, in the configuration file. */
#ifndef CMD_SERVICE_SAVE_H
#define CMD_SERVICE_SAVE_H

#include "cmd.h"

/* The verb: every service that was added by hand. */
int service_save(const struct cmd *c, const struct cmd_args *args);

/*
 * One change, after the daemon has made it: @service is its answer. CMD_DONE
 * with *@ret_file, which is the caller's, or CMD_FAILED and has said why.
 */
enum save { SAVE_AS_IT_IS, SAVE_DEL };
int service_save_one(const struct cmd *c, enum save what, const json_t *service,
		     char **ret_file);

#endif
