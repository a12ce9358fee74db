/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the command edits the daemon's configuration file, since
 * the daemon has no write access. A new file is written beside the old one with
 * the same owner and mode, validated by the daemon's own parser, and renamed
 * over the old one: a reader, or a crash, always finds one of the two complete.
 */
#ifndef CONF_FILE_H
#define CONF_FILE_H

#include <sys/stat.h>

#include "cmd.h"
#include "config/config.h"

struct conf_file {
	const char *path; /* not a symbolic link */
	char *text;
	struct stat was;
	struct config parsed; /* @text before the edit */
};

/* These return CMD_DONE, or CMD_FAILED after a message. */
int conf_file_read(const struct cmd *c, const char *path,
		   struct conf_file *ret);
void conf_file_free(struct conf_file *f);

/* Replaces the file by @f->text if that is valid. */
int conf_file_write(const struct cmd *c, const struct conf_file *f);

#endif
