/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the daemon from start to exit. Its parts are in the
 * table of daemon.c.
 */
#ifndef DAEMON_H
#define DAEMON_H

#include "config/config.h"
#include "service/sources.h"

struct daemon_options {
	struct config config;
	struct source_list sources; /* named by the configuration */
	/*
	 * Rereads flags and file, like config_load(). @ret must be freed only
	 * if this returned 0.
	 */
	int (*configure)(struct config *ret, char *err);
};

/*
 * Runs until told to exit. Returns 0, or -errno, logged. The daemon takes
 * ownership of what @o owns and frees it.
 */
int daemon_run(const struct daemon_options *o);

#endif
