/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: presents bytes as a file with a path.
 */
#ifndef FUZZ_MEMFILE_H
#define FUZZ_MEMFILE_H

#include <stddef.h>
#include <stdint.h>

#include "native/finding.h"

enum { MEMFILE_PATH = 40 };

/* Makes the file, always the same @n of two; writes its path to @ret. */
void memfile(unsigned int n, const uint8_t *data, size_t size,
	     char ret[MEMFILE_PATH]);

/*
 * Reports a finding unless @err, of at most @max bytes, is one line of text
 * that begins with @path.
 */
void check_error(const char *err, size_t max, const char *path);

#endif
