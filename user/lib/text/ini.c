// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <string.h>

#include "ini.h"

static void trim_end(char *text)
{
	size_t len = strlen(text);

	while (len && isspace((unsigned char)text[len - 1]))
		len--;
	text[len] = '\0';
}

static void cut_comment(char *text)
{
	char *at = text;

	while ((at = strchr(at + 1, ';'))) {
		if (isblank((unsigned char)at[-1])) {
			*at = '\0';
			return;
		}
	}
}

bool ini_key(char *line, char **ret_key, char **ret_value)
{
	char *value;

	if (!*line)
		return false;
	cut_comment(line);
	value = strpbrk(line, "=:");
	if (!value)
		return false;
	*value++ = '\0';
	value += strspn(value, " \t");
	trim_end(line);
	trim_end(value);
	*ret_key = line;
	*ret_value = value;
	return true;
}
