/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: adds a service to the text of a configuration file,
 * deletes one, or changes its policy. The text is edited line by line, which
 * preserves comments and layout; the caller validates it with config.h before
 * and after. No file is read or written here.
 */
#ifndef CONF_EDIT_H
#define CONF_EDIT_H

#include "text/addr.h"
#include "text/words.h"

enum { CONF_WHY_MAX = 256 };

/*
 * Each takes the whole text of a valid file and makes a new one, *@ret, owned
 * by the caller. Returns 0; -ENOMEM; -ENOENT: no such service in the file;
 * -EEXIST: nothing to change; -EINVAL: must be done by hand, @why says why.
 */

/*
 * @name "": one is derived from the port. @policy: its word. The listen line
 * goes into the section of that name if that has the same policy; if there is
 * no such section, one is appended.
 */
int conf_add(const char *text, const char *name, const struct listen *l,
	     const char *policy, char **ret, char why[CONF_WHY_MAX]);

/* A section left without listen lines is removed, except for its comments. */
int conf_del(const char *text, const struct listen *l, char **ret,
	     char why[CONF_WHY_MAX]);

/* Listen lines of a section share a policy: -EINVAL if there are several. */
int conf_policy(const char *text, const struct listen *l, const char *policy,
		char **ret, char why[CONF_WHY_MAX]);

#endif
