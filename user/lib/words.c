/* SPDX-License-Identifier: GPL-2.0-only */
/* Theory of operation: see words.h. */
#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "words.h"

static const struct {
	const char *name;
	unsigned int ms;
} units[] = {
	{ "d", 24 * 60 * 60 * 1000 },
	{ "h", 60 * 60 * 1000 },
	{ "m", 60 * 1000 },
	{ "s", 1000 },
	{ "ms", 1 },
};
static const size_t n_units = sizeof(units) / sizeof(units[0]);

/* Digits to a number of at most @max; returns what follows, NULL: no digit. */
static const char *parse_digits(const char *s, uint64_t max, uint64_t *ret)
{
	uint64_t n = 0;

	if (!isdigit((unsigned char)*s))
		return NULL;
	for (; isdigit((unsigned char)*s); s++)
		if (n <= max)
			n = n * 10 + (*s - '0');
	*ret = n;
	return s;
}

int parse_duration(const char *text, unsigned int *ret_ms)
{
	uint64_t n, total = 0;
	bool too_long = false;
	size_t u = 0;

	if (!*text)
		return -EINVAL;
	while (*text) {
		size_t len;

		text = parse_digits(text, UINT32_MAX, &n);
		if (!text)
			return -EINVAL;
		len = strspn(text, "dhms");
		while (u < n_units && (strlen(units[u].name) != len ||
				       strncmp(text, units[u].name, len) != 0))
			u++;
		if (u == n_units)
			return -EINVAL;
		if (n > (UINT32_MAX - total) / units[u].ms)
			too_long = true;
		else
			total += n * units[u].ms;
		text += len;
		u++;
	}
	if (too_long)
		return -ERANGE;
	*ret_ms = total;
	return 0;
}

const char *duration_format(unsigned int ms, char buf[DURATION_STRLEN])
{
	size_t n = 0, u;

	if (!ms)
		return strcpy(buf, "0s");
	for (u = 0; u < n_units; u++) {
		if (ms >= units[u].ms)
			n += snprintf(buf + n, DURATION_STRLEN - n, "%u%s",
				      ms / units[u].ms, units[u].name);
		ms %= units[u].ms;
	}
	return buf;
}

int parse_count(const char *text, unsigned int *ret)
{
	uint64_t n, unit = 1;

	text = parse_digits(text, UINT32_MAX, &n);
	if (!text)
		return -EINVAL;
	if (*text == 'k' || *text == 'M')
		unit = *text++ == 'k' ? 1000 : 1000000;
	if (*text)
		return -EINVAL;
	if (n > UINT32_MAX / unit)
		return -ERANGE;
	*ret = n * unit;
	return 0;
}

/* Names become labels of metrics and words on a command line. */
const char *check_name(const char *name)
{
	const char *s;

	if (strlen(name) >= NAME_MAX_LEN)
		return "the name of a service has at most 31 characters";
	for (s = name; *s; s++)
		if (!isalnum((unsigned char)*s) && !strchr("-_.", *s))
			return "the name of a service has only letters, "
			       "digits, '-', '_' and '.'";
	return NULL;
}
