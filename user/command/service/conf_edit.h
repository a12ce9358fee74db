/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: services in the text of a configuration file: added,
 * deleted, given another policy. The text is edited line by line, so that
 * comments and layout stay as they are; what it means is for config.h to say,
 * before and after. Nothing is read or written here.
 */
#ifndef CONF_EDIT_H
#define CONF_EDIT_H

#include "text/addr.h"
#include "text/words.h"

enum { CONF_WHY_MAX = 256 };

/*
 * Each takes the whole text of a valid file and makes a new one, *@ret, which
 * is the caller's. 0, -ENOMEM, -ENOENT: the file has no such service; -EEXIST:
 * it has it already; -EINVAL: it can only be done by hand, @why says why.
 */

/*
 * @name: "": one is made up of the port. @policy: its word. The listen line is
 * added to the section of that name where its policy is the same, or a section
 * is added at the end.
 */
int conf_add(const char *text, const char *name, const struct listen *l,
	     const char *policy, char **ret, char why[CONF_WHY_MAX]);

/* A section without listen lines goes, but for its comments. */
int conf_del(const char *text, const struct listen *l, char **ret,
	     char why[CONF_WHY_MAX]);

/* A section has one policy for all its listen lines: -EINVAL if it has more. */
int conf_policy(const char *text, const struct listen *l, const char *policy,
		char **ret, char why[CONF_WHY_MAX]);

#endif
