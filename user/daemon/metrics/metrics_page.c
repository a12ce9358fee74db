/* SPDX-License-Identifier: GPL-2.0-only */
#include <stdarg.h>

#include "metrics_page.h"

void metrics_sample(const struct metrics_page *p, double value, const char *fmt,
		    ...)
{
	va_list args;

	fprintf(p->out, "synkeeper_%s", p->family);
	va_start(args, fmt);
	vfprintf(p->out, fmt, args);
	va_end(args);
	fprintf(p->out, " %.15g\n", value);
}
