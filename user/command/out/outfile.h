/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: where root writes what others must not read, at a path
 * that others may have got to first, as in /tmp. A file is made under a name
 * that nobody can have guessed, with mode 0600, and gets its own name once its
 * beginning is written: in the place of an older one, whatever that was, a hard
 * link or another user's. Pipes and devices are written to as they are. A
 * symbolic link must lead to one of those, and in a directory that all may
 * write, a link or a pipe must not be a stranger's.
 */
#ifndef OUTFILE_H
#define OUTFILE_H

#include <limits.h>
#include <stdbool.h>

struct outfile {
	int fd;
	const char *path;
	char fresh[PATH_MAX]; /* "": @path is its name */
};

/*
 * Opens @path, which must outlive @f. Returns 0 or -errno; @ret_why is the way
 * out where the error does not show it, else NULL.
 */
int outfile_open(struct outfile *f, const char *path, const char **ret_why);

/* Gives it its name. Returns 0, or -errno: it is not there then. */
int outfile_commit(struct outfile *f);

/* Returns 0, or the -errno of what was written before. Once, after _open(). */
int outfile_close(struct outfile *f);

#endif
