/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: where a daemon is to be found, as its configuration
 * file says. Only `control` and `pin-dir` of [daemon] are read, and what else
 * is in the file may be wrong: `reload` must reach a daemon that then says so.
 */
#ifndef PATHS_H
#define PATHS_H

#ifndef CONFIG_PATH_DEFAULT /* from the Makefile's SYSCONFDIR */
#define CONFIG_PATH_DEFAULT "/etc/synkeeper.conf"
#endif
#define CONFIG_VARIABLE "SYNKEEPER_CONFIG"

/* NULL: the file does not say. The strings are the caller's to free. */
struct paths {
	char *control;
	char *pin_dir;
};

/* -errno if @file cannot be read, -ENOMEM; *@ret is then unchanged. */
int paths_read(const char *file, struct paths *ret);

#endif
