/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: SIGHUP and `synkeeper reload`. The file is read and
 * validated as a whole, compared with what is in force (config_diff.c), and the
 * difference applied: first what can fail, reverted if anything does; plain
 * values last.
 *
 * In force are the services as they are now, including runtime changes by the
 * operator. The file overrides them for everything that it names; a service
 * that was added at runtime and is not in the file stays.
 */
#ifndef RELOAD_H
#define RELOAD_H

#include <jansson.h>

struct daemon;

/*
 * Rereads the configuration and applies the difference: all of it, and
 * *@ret_report (see control.h) becomes the caller's; or nothing, and @err
 * (CONFIG_ERR_MAX bytes) says why.
 */
int reload_config(struct daemon *d, json_t **ret_report, char *err);

#endif
