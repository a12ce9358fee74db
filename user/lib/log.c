/* SPDX-License-Identifier: GPL-2.0-only */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/libbpf.h>

#include "log.h"

static bool verbose;
static enum log_level least = LOG_LEVEL_INFO;
static char libbpf_tail[4096];

void log_line(enum log_level level, const char *fmt, ...)
{
	const char *journal = getenv("JOURNAL_STREAM");
	char line[1024];
	va_list args;

	if (level > least)
		return;
	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	if (journal)
		fprintf(stderr, "<%d>%s\n", (int)level, line);
	else
		fprintf(stderr, "synkeeperd: %s\n", line);
}

void log_only(enum log_level level)
{
	least = level;
}

/* Keeps the last bytes: the verifier's error is at the end of its log. */
static int log_from_libbpf(enum libbpf_print_level level, const char *fmt,
			   va_list args)
{
	size_t have = strlen(libbpf_tail), room = sizeof(libbpf_tail) / 2;
	char text[sizeof(libbpf_tail) / 2];

	if (level == LIBBPF_DEBUG)
		return 0;
	if (verbose)
		return vfprintf(stderr, fmt, args);
	vsnprintf(text, sizeof(text), fmt, args);
	if (have + strlen(text) >= sizeof(libbpf_tail)) {
		memmove(libbpf_tail, libbpf_tail + have - room / 2,
			room / 2 + 1);
		have = strlen(libbpf_tail);
	}
	snprintf(libbpf_tail + have, sizeof(libbpf_tail) - have, "%s", text);
	return 0;
}

void log_init(bool be_verbose)
{
	verbose = be_verbose;
	libbpf_set_print(log_from_libbpf);
}

void log_libbpf(void)
{
	if (libbpf_tail[0])
		fputs(libbpf_tail, stderr);
}
