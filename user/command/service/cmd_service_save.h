/* SPDX-License-Identifier: GPL-2.0-only */
/* Theory of operation: saves runtime changes to the configuration file. */
#ifndef CMD_SERVICE_SAVE_H
#define CMD_SERVICE_SAVE_H

#include "cmd.h"

/* The verb: saves every service that was added at run time. */
int service_save(const struct cmd *c, const struct cmd_args *args);

/*
 * Saves one change that the daemon has made: @service is its reply. Returns
 * CMD_DONE with *@ret_file, owned by the caller, or CMD_FAILED after a message.
 */
enum save { SAVE_AS_IT_IS, SAVE_DEL };
int service_save_one(const struct cmd *c, enum save what, const json_t *service,
		     char **ret_file);

#endif
