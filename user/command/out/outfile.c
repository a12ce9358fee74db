/* SPDX-License-Identifier: GPL-2.0-only */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "outfile.h"

/*
 * May another user have created @st at @path? In a sticky directory that others
 * can write to, everything may be theirs that belongs neither to us nor to the
 * directory's owner.
 */
static bool is_planted(const char *path, const struct stat *st)
{
	char copy[PATH_MAX];
	struct stat dir;

	snprintf(copy, sizeof(copy), "%s", path);
	if (stat(dirname(copy), &dir))
		return true;
	return dir.st_mode & S_ISVTX && dir.st_mode & 022 &&
	       st->st_uid != geteuid() && st->st_uid != dir.st_uid;
}

static int open_fresh(struct outfile *f)
{
	int n = snprintf(f->fresh, sizeof(f->fresh), "%s.XXXXXX", f->path);

	if (n >= (int)sizeof(f->fresh)) {
		*f->fresh = '\0';
		return -ENAMETOOLONG;
	}
	f->fd = mkostemp(f->fresh, O_CLOEXEC); /* O_EXCL, mode 0600 */
	if (f->fd >= 0)
		return 0;
	*f->fresh = '\0';
	return -errno;
}

static int refuse(const char **ret_why, int err, const char *why)
{
	*ret_why = why;
	return err;
}

/* Opens what exists and is not a regular file: a link, pipe or device. */
static int open_other(struct outfile *f, const struct stat *there,
		      const char **ret_why)
{
	bool is_link = S_ISLNK(there->st_mode);
	struct stat st;

	if (is_planted(f->path, there))
		return refuse(ret_why, -EPERM,
			      "created by another user in a directory that "
			      "others can write to: choose another file");
	if (is_link && (stat(f->path, &st) || S_ISREG(st.st_mode)))
		return refuse(ret_why, -ELOOP,
			      "give the file itself, or - for standard output");
	f->fd = open(f->path, O_WRONLY | O_NOCTTY | O_CLOEXEC |
				      (is_link ? 0 : O_NOFOLLOW));
	if (f->fd < 0)
		return -errno;
	if (fstat(f->fd, &st))
		return -errno;
	if (S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode))
		return 0;
	return refuse(ret_why, -EINVAL, "give a file, a pipe or -");
}

int outfile_open(struct outfile *f, const char *path, const char **ret_why)
{
	struct stat st;
	int err;

	*f = (struct outfile){ .fd = -1, .path = path };
	*ret_why = NULL;
	err = lstat(path, &st) ? -errno : 0;
	if (err == -ENOENT || (!err && S_ISREG(st.st_mode)))
		return open_fresh(f);
	if (!err && S_ISDIR(st.st_mode))
		err = -EISDIR;
	if (err)
		return err;
	err = open_other(f, &st, ret_why);
	if (err && f->fd >= 0) {
		close(f->fd);
		f->fd = -1;
	}
	return err;
}

int outfile_commit(struct outfile *f)
{
	if (*f->fresh && rename(f->fresh, f->path))
		return -errno;
	*f->fresh = '\0';
	return 0;
}

int outfile_close(struct outfile *f)
{
	int err = f->fd >= 0 && close(f->fd) ? -errno : 0;

	f->fd = -1;
	if (*f->fresh)
		unlink(f->fresh);
	*f->fresh = '\0';
	return err;
}
