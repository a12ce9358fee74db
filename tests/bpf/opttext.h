/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: TCP options as text, so that tables can be read.
 * Words divided by spaces, in the order of the bytes:
 *
 *	nop  eol  sack  mss:N  ws:N  ts:VALUE:ECHO  x:HEXBYTES
 *
 * Nothing is added: alignment is the writer's business.
 */
#ifndef TESTS_BPF_OPTTEXT_H
#define TESTS_BPF_OPTTEXT_H

#include <stdint.h>

enum { OPTS_MAX = 40 };

/* Returns the number of bytes; a word that it does not know ends the test. */
unsigned opttext_parse(const char *text, uint8_t ret[OPTS_MAX]);

#endif
