/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the daemon's messages, one line each on standard error,
 * with journald's priority prefix (sd-daemon(3)) if journald reads it and the
 * program's name otherwise. A failure is logged once, by the function that
 * knows what failed; its callers only pass -errno on.
 */
#ifndef LOG_H
#define LOG_H

#include <stdbool.h>

enum log_level { LOG_LEVEL_ERR = 3, LOG_LEVEL_WARN = 4, LOG_LEVEL_INFO = 6 };

void log_line(enum log_level level, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Suppresses messages less important than @level; the default is none. */
void log_only(enum log_level level);

/* Keeps libbpf's messages; log_libbpf() shows them after a failed load. */
void log_init(bool verbose);
void log_libbpf(void);

#define log_err(...)  log_line(LOG_LEVEL_ERR, __VA_ARGS__)
#define log_warn(...) log_line(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...) log_line(LOG_LEVEL_INFO, __VA_ARGS__)

#endif
