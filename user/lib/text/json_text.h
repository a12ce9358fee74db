/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: strings in JSON from another program.
 */
#ifndef JSON_TEXT_H
#define JSON_TEXT_H

#include <jansson.h>

/* The string @member of @o, which owns it; "" if there is none. */
static inline const char *json_text(const json_t *o, const char *member)
{
	const char *text = json_string_value(json_object_get(o, member));

	return text ? text : "";
}

#endif
