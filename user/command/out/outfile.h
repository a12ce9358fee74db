/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: output that root writes and others must not read, at a
 * path that others may have reached first, as in /tmp. A file is created under
 * an unpredictable name with mode 0600 and renamed once its beginning is
 * written; it replaces whatever file is there, also a hard link or another
 * user's file. Existing pipes and devices are written to. A symbolic link must
 * point to a pipe or a device; in a directory that others can write to, a link
 * or a pipe must not have been created by another user.
 */
#ifndef OUTFILE_H
#define OUTFILE_H

#include <limits.h>
#include <stdbool.h>

struct outfile {
	int fd;
	const char *path;
	char fresh[PATH_MAX]; /* temporary name; "": renamed to @path */
};

/*
 * Opens @path, which must outlive @f. Returns 0 or -errno; *@ret_why says what
 * to do if that is not clear from the error, else NULL.
 */
int outfile_open(struct outfile *f, const char *path, const char **ret_why);

/* Renames the file to its path. Returns 0, or -errno: not renamed. */
int outfile_commit(struct outfile *f);

/* Returns 0, or -errno of an earlier write. Once, after outfile_open(). */
int outfile_close(struct outfile *f);

#endif
