/* SPDX-License-Identifier: GPL-2.0-only */
/* Theory of operation: texts in JSON that somebody else has written. */
#ifndef JSON_TEXT_H
#define JSON_TEXT_H

#include <jansson.h>

/* The string that @member of @o is, @o's own; "": it is none, or not there. */
static inline const char *json_text(const json_t *o, const char *member)
{
	const char *text = json_string_value(json_object_get(o, member));

	return text ? text : "";
}

#endif
