/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the daemon as a whole, from its start to its end. What
 * it consists of is in the table of daemon.c.
 */
#ifndef DAEMON_H
#define DAEMON_H

#include "config/config.h"
#include "service/sources.h"

struct daemon_options {
	struct config config;
	struct source_list sources; /* that it names */
	/*
	 * Reads flags and file anew. As config_load(); @ret is to be freed
	 * only if it returned 0.
	 */
	int (*configure)(struct config *ret, char *err);
};

/*
 * Protects until it is told to end. Logs what failed and returns -errno. What
 * @o owns is the daemon's, which frees it.
 */
int daemon_run(const struct daemon_options *o);

#endif
