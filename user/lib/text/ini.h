/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the syntax of a line in the configuration file, for the
 * daemon, which validates it, and the command, which only looks up paths.
 */
#ifndef INI_H
#define INI_H

#include <stdbool.h>

/*
 * Splits "key = value" or "key: value", in place: blanks around both and a
 * comment after the value (a blank and ';') are cut off. @line does not begin
 * with a blank and has no newline. False: not such a line.
 */
bool ini_key(char *line, char **ret_key, char **ret_value);

#endif
