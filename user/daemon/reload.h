/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: SIGHUP and `synkeeper reload`. The file is read and
 * validated whole, compared with what is in force (config_diff.c), and the
 * difference applied: what can fail first, and undone if something did; what is
 * only a number last.
 *
 * What is in force are the services as they are now, with what the operator
 * has changed by hand since. The file has the last word on all that it names; a
 * service that was added by hand, and that it does not name, stays.
 */
#ifndef RELOAD_H
#define RELOAD_H

#include <jansson.h>

struct daemon;

/*
 * Reads the configuration anew and applies what is different. All of it, and
 * *@ret_report (see control.h) is the caller's; or nothing, and @err
 * (CONFIG_ERR_MAX bytes) says why.
 */
int reload_config(struct daemon *d, json_t **ret_report, char *err);

#endif
