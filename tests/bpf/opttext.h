/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: TCP options as text, for readable tables: words
 * separated by spaces, in byte order:
 *
 *	nop  eol  sack  mss:N  ws:N  ts:VALUE:ECHO  x:HEXBYTES
 *
 * Nothing is added: alignment is up to the author.
 */
#ifndef TESTS_BPF_OPTTEXT_H
#define TESTS_BPF_OPTTEXT_H

#include <stdint.h>

enum { OPTS_MAX = 40 };

/* Returns the number of bytes; an unknown word ends the test. */
unsigned opttext_parse(const char *text, uint8_t ret[OPTS_MAX]);

#endif
