/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: finds a daemon through its configuration file. Only
 * `control` and `pin-dir` of [daemon] and `secret` of [keys] are read, and
 * errors elsewhere in the file are ignored: `reload` must reach the daemon,
 * which then reports them.
 */
#ifndef PATHS_H
#define PATHS_H

#ifndef CONFIG_PATH_DEFAULT /* from the Makefile's SYSCONFDIR */
#define CONFIG_PATH_DEFAULT "/etc/synkeeper.conf"
#endif
#define CONFIG_VARIABLE "SYNKEEPER_CONFIG"

/* NULL: not in the file. The caller frees the strings. */
struct paths {
	char *control;
	char *pin_dir;
	char *secret;
};

/* 0; -errno if @file cannot be read, -ENOMEM: *@ret is then unchanged. */
int paths_read(const char *file, struct paths *ret);
void paths_free(struct paths *p);

#endif
