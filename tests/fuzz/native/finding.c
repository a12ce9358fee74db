// SPDX-License-Identifier: GPL-2.0-only
/* Theory of operation: an input that violates a property ends the process. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "finding.h"

void finding(const char *fmt, ...)
{
	va_list args;

	fprintf(stderr, "finding: ");
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fprintf(stderr, "\n");
	abort();
}
