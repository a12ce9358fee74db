/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the syntax of a line in the configuration file, for the
 * daemon, which refuses what is wrong in it, and for the command, which only
 * looks up paths.
 */
#ifndef INI_H
#define INI_H

#include <stdbool.h>

/*
 * Takes "key = value" or "key: value" apart, in place: blanks around either
 * and a comment behind the value (a blank and ';') are cut off. @line begins
 * with no blank and has no newline. False: it is no such line.
 */
bool ini_key(char *line, char **ret_key, char **ret_value);

#endif
