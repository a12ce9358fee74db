/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: values as users write them, in the configuration, in
 * filters and on the command line.
 */
#ifndef WORDS_H
#define WORDS_H

#include <stdbool.h>
#include <stddef.h>

enum { NAME_MAX_LEN = 32 }; /* of a service, with the final NUL */

/*
 * "60s" "5m" "500ms" "1d" "2h4m" (longer units first, each once); a bare number
 * is refused. -EINVAL: not a duration, -ERANGE: too long.
 */
int duration_parse(const char *text, unsigned int *ret_ms);
/* The shortest form, which duration_parse() reads; returns @buf. */
enum { DURATION_STRLEN = 32 };
const char *duration_format(unsigned int ms, char buf[DURATION_STRLEN]);
/* "10" "10k" "4M" (powers of 1000); -EINVAL, -ERANGE */
int count_parse(const char *text, unsigned int *ret);
/*
 * The number of typos that turn @a into @b: a letter changed, added, left out,
 * or swapped with the next. Case is ignored. WORD_FAR: one of them is longer
 * than WORD_MAX.
 */
enum { WORD_MAX = 31, WORD_FAR = WORD_MAX + 1 };
int word_distance(const char *a, const char *b);
/* Is @text @word, give or take a typo or two? */
bool word_is_near(const char *text, const char *word);
/*
 * "did you mean 'status' or 'stats'?": those of the @n @names that are closest
 * to @text, in @buf of WORDS_NEAR_MAX bytes, which is returned; "" if none is
 * close.
 */
enum { WORDS_NEAR_MAX = 160 };
const char *words_near(const char *text, const char *const *names, size_t n,
		       char buf[WORDS_NEAR_MAX]);

/*
 * Appends @word to the list in @buf (@size bytes): "a, b". If it does not fit,
 * appends ", ..." once.
 */
void words_append(char *buf, size_t size, const char *word);

/* NULL if @name is valid for a service, else a static sentence. */
const char *name_check(const char *name);

#endif
