// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text/ini.h"
#include "paths.h"

enum section { SECTION_OTHER, SECTION_DAEMON, SECTION_KEYS };

static enum section section_of(const char *line)
{
	char end;

	if (sscanf(line, "[ daemon %c", &end) == 1 && end == ']')
		return SECTION_DAEMON;
	if (sscanf(line, "[ keys %c", &end) == 1 && end == ']')
		return SECTION_KEYS;
	return SECTION_OTHER;
}

void paths_free(struct paths *p)
{
	free(p->control);
	free(p->pin_dir);
	free(p->secret);
}

static char **member(struct paths *p, enum section in, const char *key)
{
	if (in == SECTION_KEYS)
		return strcmp(key, "secret") ? NULL : &p->secret;
	if (!strcmp(key, "control"))
		return &p->control;
	return strcmp(key, "pin-dir") ? NULL : &p->pin_dir;
}

/* Keeps absolute paths; the daemon refuses any other. */
static int take(char *line, enum section in, struct paths *paths)
{
	char **to, *key, *value;

	if (!ini_key(line, &key, &value))
		return 0;
	to = member(paths, in, key);
	if (!to || *to || *value != '/')
		return 0;
	*to = strdup(value);
	return *to ? 0 : -ENOMEM;
}

int paths_read(const char *file, struct paths *ret)
{
	FILE *from = fopen(file, "re");
	struct paths paths = {};
	enum section in = SECTION_OTHER;
	char *line = NULL;
	size_t size = 0;
	int err = 0;

	if (!from)
		return -errno;
	while (!err && getline(&line, &size, from) >= 0) {
		/* indented, or behind a byte order mark */
		char *text = line + strspn(line, " \t\xef\xbb\xbf");

		text[strcspn(text, "\r\n")] = '\0';
		if (*text == '[')
			in = section_of(text);
		else if (in && *text != '#' && *text != ';')
			err = take(text, in, &paths);
	}
	if (!err && ferror(from))
		err = -errno;
	free(line);
	fclose(from);
	if (err) {
		paths_free(&paths);
		return err;
	}
	*ret = paths;
	return 0;
}
