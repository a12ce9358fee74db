// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>

#include "change.h"

static const char *shown(const char *value)
{
	return *value ? value : "-";
}

const char *change_format(const char *what, const char *from, const char *to,
			  const char *needs, const char *note, char *buf)
{
	if (!to)
		snprintf(buf, CHANGE_STRLEN, "- %s%s%s", what, note ? ": " : "",
			 note ? note : "");
	else if (!from)
		snprintf(buf, CHANGE_STRLEN, *to ? "+ %s: %s" : "+ %s", what,
			 to);
	else
		snprintf(buf, CHANGE_STRLEN, "%c %s: %s -> %s%s%s",
			 needs ? '!' : '~', what, shown(from), shown(to),
			 needs ? ": not changed: needs " : "",
			 needs ? needs : "");
	return buf;
}
