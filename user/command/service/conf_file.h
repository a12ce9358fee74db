/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the daemon's configuration file, changed by the command,
 * since the daemon may write nowhere. A new file is written beside the old one,
 * with its owner and mode, read back by the daemon's own parser, and takes the
 * old one's place in one step: whoever reads it meanwhile, and a crash at any
 * moment, finds one of the two whole.
 */
#ifndef CONF_FILE_H
#define CONF_FILE_H

#include <sys/stat.h>

#include "cmd.h"
#include "config/config.h"

struct conf_file {
	const char *path; /* no symbolic link */
	char *text;
	struct stat was;
	struct config parsed; /* what it means */
};

/* All return CMD_DONE, or CMD_FAILED and have said why. */
int conf_file_read(const struct cmd *c, const char *path,
		   struct conf_file *ret);
void conf_file_free(struct conf_file *f);

/* Puts f->text in the file's place, if it is valid. */
int conf_file_write(const struct cmd *c, const struct conf_file *f);

#endif
