/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: what config_file.c (the syntax of the file) and
 * config_keys.c (its keys) share while reading one.
 */
#ifndef CONFIG_FILE_H
#define CONFIG_FILE_H

#include <stdio.h>

#include "config.h"

enum {
	CONFIG_TITLE_MAX = 48, /* more than "service " and a name */
	CONFIG_KEYS_MAX = 64,
};

struct config_title {
	char text[CONFIG_TITLE_MAX]; /* "daemon", "service web" */
	unsigned int line;
};

struct config_parser {
	struct config *c;
	FILE *file;
	const char *path;
	char *err;
	int ret;	   /* of the first error */
	unsigned int line; /* being read */

	void *titles; /* tree of struct config_title: sections so far */
	const struct config_title *title; /* NULL: no section yet */
	const char *section;		  /* its first word */
	const char *name;	      /* of a service; NULL: not a service */
	const struct config_key *key; /* being set */

	size_t first_service; /* of this section */
	enum config_policy policy;
	enum config_cookies cookies;
	enum config_owner owner;
	unsigned int seen[CONFIG_KEYS_MAX]; /* line of a key in this section */
	bool reset;
	unsigned int reset_rate, reset_rate_line;
};

/* Records the first error: "FILE:LINE: ...". Returns @ret. */
__attribute__((format(printf, 4, 5))) int config_fail(struct config_parser *p,
						      unsigned int line,
						      int ret, const char *fmt,
						      ...);

/*
 * Sets defaults: those of the PART keys of @section, or if NULL those of all
 * VALUE keys. Fails only if out of memory, which leaves a path NULL.
 */
void config_set_defaults(struct config_parser *p, const char *section);

/* "key = value" of the section p->title; 0 or what config_fail() returned. */
int config_set_key(struct config_parser *p, const char *key, const char *value);

#endif
