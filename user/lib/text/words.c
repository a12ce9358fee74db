/* SPDX-License-Identifier: GPL-2.0-only */
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

/*
 * Parses a number, stops counting above @max; returns what follows, NULL: no
 * digit.
 */
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

int duration_parse(const char *text, unsigned int *ret_ms)
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

int count_parse(const char *text, unsigned int *ret)
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
const char *name_check(const char *name)
{
	const char *s;

	if (strlen(name) >= NAME_MAX_LEN)
		return "a service name has at most 31 characters";
	for (s = name; *s; s++)
		if (!isalnum((unsigned char)*s) && !strchr("-_.", *s))
			return "a service name has only letters, "
			       "digits, '-', '_' and '.'";
	return NULL;
}

static int least(int a, int b, int c)
{
	int n = a < b ? a : b;

	return n < c ? n : c;
}

static char letter(const char *text, size_t i)
{
	return (char)tolower((unsigned char)text[i]);
}

int word_distance(const char *a, const char *b)
{
	size_t a_len = strlen(a), b_len = strlen(b), i, k;
	int d[WORD_MAX + 1][WORD_MAX + 1];

	if (a_len > WORD_MAX || b_len > WORD_MAX)
		return WORD_FAR;
	for (i = 0; i <= a_len; i++)
		d[i][0] = (int)i;
	for (k = 0; k <= b_len; k++)
		d[0][k] = (int)k;
	for (i = 1; i <= a_len; i++)
		for (k = 1; k <= b_len; k++) {
			bool same = letter(a, i - 1) == letter(b, k - 1);

			d[i][k] = least(d[i - 1][k] + 1, d[i][k - 1] + 1,
					d[i - 1][k - 1] + !same);
			if (i > 1 && k > 1 &&
			    letter(a, i - 1) == letter(b, k - 2) &&
			    letter(a, i - 2) == letter(b, k - 1) &&
			    d[i - 2][k - 2] + 1 < d[i][k])
				d[i][k] = d[i - 2][k - 2] + 1;
		}
	return d[a_len][b_len];
}

bool word_is_near(const char *text, const char *word)
{
	return word_distance(text, word) <= (strlen(word) < 5 ? 1 : 2);
}

const char *words_near(const char *text, const char *const *names, size_t n,
		       char buf[WORDS_NEAR_MAX])
{
	int best = WORD_FAR, o = 0;
	size_t i;

	for (i = 0; i < n; i++)
		if (word_is_near(text, names[i]) &&
		    word_distance(text, names[i]) < best)
			best = word_distance(text, names[i]);
	*buf = '\0';
	for (i = 0; i < n && best < WORD_FAR; i++)
		if (word_distance(text, names[i]) == best &&
		    o + WORD_MAX + 8 < WORDS_NEAR_MAX)
			o += snprintf(buf + o, WORDS_NEAR_MAX - o, "%s'%s'",
				      o ? " or " : "did you mean ", names[i]);
	if (o)
		snprintf(buf + o, WORDS_NEAR_MAX - o, "?");
	return buf;
}

void words_append(char *buf, size_t size, const char *word)
{
	static const char more[] = ", ...";
	size_t len = strlen(buf), end = sizeof(more) - 1;

	if (len + strlen(word) + sizeof(", ") + end <= size)
		sprintf(buf + len, "%s%s", len ? ", " : "", word);
	else if (len < end || strcmp(buf + len - end, more))
		snprintf(buf + len, size - len, "%s", more);
}
