/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: texts that are quoted in a reply may hold anything, or
 * be cut in the midst of a character; JSON takes UTF-8 only.
 */
#ifndef UTF8_H
#define UTF8_H

/* Puts a '?' for each byte of @text that belongs to no character of UTF-8. */
void utf8_fix(char *text);

#endif
