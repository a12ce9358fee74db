/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: text quoted in a reply may contain anything, or end
 * within a character; JSON must be UTF-8.
 */
#ifndef UTF8_H
#define UTF8_H

/* Replaces each byte of @text that is not part of valid UTF-8 with '?'. */
void utf8_fix(char *text);

#endif
