/* SPDX-License-Identifier: GPL-2.0-only */
/* Theory of operation: a filter from one line of text, for its tests. */
#ifndef FILTERLINE_H
#define FILTERLINE_H

#include "testmain.h"

#include "text/filter.h"

/* Splits @line at blanks; a word "_" is the empty one. */
static int filter_of(const char *line, struct filter *ret, char *err)
{
	const char *words[FILTER_WORDS_MAX + 2];
	char copy[512], *save, *word;
	size_t n = 0;

	snprintf(copy, sizeof(copy), "%s", line);
	for (word = strtok_r(copy, " ", &save); word;
	     word = strtok_r(NULL, " ", &save)) {
		assert_true(n < sizeof(words) / sizeof(words[0]));
		words[n++] = strcmp(word, "_") ? word : "";
	}
	return filter_parse(words, n, ret, err);
}

#endif
