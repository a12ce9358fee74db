// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text/ini.h"
#include "paths.h"

static bool is_daemon_section(const char *line)
{
	char end;

	return sscanf(line, "[ daemon %c", &end) == 1 && end == ']';
}

/* Keeps absolute paths; the daemon refuses any other. */
static int take(char *line, struct paths *paths)
{
	char **to = NULL, *key, *value;

	if (!ini_key(line, &key, &value))
		return 0;
	if (!strcmp(key, "control"))
		to = &paths->control;
	else if (!strcmp(key, "pin-dir"))
		to = &paths->pin_dir;
	if (!to || *to || *value != '/')
		return 0;
	*to = strdup(value);
	return *to ? 0 : -ENOMEM;
}

int paths_read(const char *file, struct paths *ret)
{
	FILE *in = fopen(file, "re");
	struct paths paths = {};
	bool inside = false;
	char *line = NULL;
	size_t size = 0;
	int err = 0;

	if (!in)
		return -errno;
	while (!err && getline(&line, &size, in) >= 0) {
		/* indented, or behind a byte order mark */
		char *text = line + strspn(line, " \t\xef\xbb\xbf");

		text[strcspn(text, "\r\n")] = '\0';
		if (*text == '[')
			inside = is_daemon_section(text);
		else if (inside && *text != '#' && *text != ';')
			err = take(text, &paths);
	}
	if (!err && ferror(in))
		err = -errno;
	free(line);
	fclose(in);
	if (err) {
		free(paths.control);
		free(paths.pin_dir);
		return err;
	}
	*ret = paths;
	return 0;
}
