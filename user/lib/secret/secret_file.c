/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the file of secret.h on disk. No buffer of stdio ever
 * holds its text: what is not wiped may be found in a dump. A new file is
 * written beside the old one and renamed over it, both with mode 0600, so that
 * a reader sees one or the other.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "secret.h"

enum { TEXT_MAX = 4096 };

static const char header[] =
	"# A Synkeeper cluster's secret: whoever can read it can forge "
	"cookies.\n"
	"# Change it by synkeeper key stage, promote and retire.\n";

static int failed(const char *path, const char *what, char *err)
{
	int ret = errno ? -errno : -EIO;

	snprintf(err, SECRET_ERR_MAX, "%s: cannot %s it: %s", path, what,
		 strerror(-ret));
	return ret;
}

static int refuse(const char *path, const char *why, char *err)
{
	snprintf(err, SECRET_ERR_MAX, "%s: %s", path, why);
	return -EPERM;
}

static int check_access(int fd, const char *path, char *err)
{
	struct stat st;

	if (fstat(fd, &st))
		return failed(path, "look at", err);
	if (!S_ISREG(st.st_mode))
		return refuse(path, "a secret must be in a regular file", err);
	if (st.st_uid && st.st_uid != geteuid())
		return refuse(path,
			      "it belongs to another user, who could read the "
			      "secret: chown root",
			      err);
	if (st.st_mode & 077)
		return refuse(path,
			      "others can access the secret: chmod 600, and "
			      "roll out another if it was read",
			      err);
	return 0;
}

/* Reads up to @size - 1 bytes. */
static int read_text(int fd, const char *path, char *text, size_t size,
		     char *err)
{
	size_t n = 0;
	ssize_t got;

	while ((got = read(fd, text + n, size - 1 - n)) > 0)
		n += got;
	if (got < 0)
		return failed(path, "read", err);
	if (n == size - 1 || memchr(text, 0, n)) {
		snprintf(err, SECRET_ERR_MAX,
			 "%s: this is no file of secrets: see "
			 "synkeeper.conf(5)",
			 path);
		return -EINVAL;
	}
	text[n] = 0;
	return 0;
}

int secrets_read(const char *path, struct secrets *ret, char *err)
{
	char text[TEXT_MAX];
	int fd, fault;

	/* not to hang on a pipe */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return failed(path, "open", err);
	fault = check_access(fd, path, err);
	if (!fault)
		fault = read_text(fd, path, text, sizeof(text), err);
	if (!fault)
		fault = secrets_parse(path, text, ret, err);
	explicit_bzero(text, sizeof(text));
	close(fd);
	return fault;
}

static size_t write_text(const struct secrets *s, char *text, size_t size)
{
	char hex[2 * SECRET_BYTES + 1];
	size_t i, n = snprintf(text, size, "%s", header);

	for (i = 0; i < s->n; i++) {
		sodium_bin2hex(hex, sizeof(hex), s->list[i].bytes,
			       SECRET_BYTES);
		n += snprintf(text + n, size - n, "%s %s %s\n",
			      secret_role_name(s->list[i].role), s->list[i].id,
			      hex);
	}
	explicit_bzero(hex, sizeof(hex));
	return n;
}

/* The name appears, and survives a power cut, only with all of its text. */
static int put(const char *beside, const char *path, const char *text,
	       size_t len, bool fresh)
{
	int fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int ret = 0;

	if (fd < 0)
		return -errno;
	errno = EIO; /* of a short write */
	if (fchmod(fd, 0600) || write(fd, text, len) != (ssize_t)len ||
	    fsync(fd) || (fresh ? link(beside, path) : rename(beside, path)))
		ret = -errno;
	close(fd);
	if (ret || fresh)
		unlink(beside);
	return ret;
}

static void sync_folder(const char *path)
{
	char copy[PATH_MAX];
	int fd;

	snprintf(copy, sizeof(copy), "%s", path);
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return;
	fsync(fd);
	close(fd);
}

int secrets_write(const char *path, const struct secrets *s, bool fresh,
		  char *err)
{
	char text[TEXT_MAX], beside[PATH_MAX];
	size_t len;
	int fault;

	if (snprintf(beside, sizeof(beside), "%s.%d", path, getpid()) >=
	    (int)sizeof(beside)) {
		errno = ENAMETOOLONG;
		return failed(path, "write", err);
	}
	len = write_text(s, text, sizeof(text));
	fault = put(beside, path, text, len, fresh);
	explicit_bzero(text, sizeof(text));
	if (fault) {
		errno = -fault;
		return failed(path, "write", err);
	}
	sync_folder(path);
	return 0;
}
