/* SPDX-License-Identifier: GPL-2.0-only */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf_file.h"
#include "log.h"

enum { TEXT_MAX = 16 << 20 };

/* @verb: "read", "write", "replace" */
static int cannot(const struct cmd *c, const char *verb, const char *path)
{
	int err = errno;

	return cmd_failed(c, err == EACCES || err == EPERM ? "run as root" : "",
			  "cannot %s %s: %s", verb, path, strerror(err));
}

/* The content of @fd, owned by the caller, or NULL and errno. */
static char *read_all(int fd, size_t size)
{
	char *text = size > TEXT_MAX ? NULL : malloc(size + 1);
	size_t len = 0;
	ssize_t n = 1;

	if (size > TEXT_MAX)
		errno = EFBIG;
	while (text && len < size && n) {
		n = read(fd, text + len, size - len);
		if (n < 0) {
			free(text);
			return NULL;
		}
		len += n;
	}
	if (text)
		text[len] = '\0';
	return text;
}

/* Messages call the file @name instead of @path. */
static int parse(const struct cmd *c, const char *path, const char *name,
		 struct config *ret)
{
	char err[CONFIG_ERR_MAX];
	size_t len = strlen(path);
	int failed;

	log_only(LOG_LEVEL_ERR); /* the daemon logs the warnings */
	config_init(ret);
	failed = config_load(ret, path, err);
	if (!failed)
		return CMD_DONE;
	config_free(ret);
	if (!strncmp(err, path, len))
		return cmd_failed(c, "nothing was written", "%s%s", name,
				  err + len);
	return cmd_failed(c, "nothing was written", "%s: %s", name, err);
}

int conf_file_read(const struct cmd *c, const char *path, struct conf_file *ret)
{
	struct conf_file f = { .path = path };
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return cannot(c, "read", path);
	if (!fstat(fd, &f.was))
		f.text = read_all(fd, f.was.st_size);
	close(fd);
	if (!f.text)
		return cannot(c, "read", path);
	if (strlen(f.text) != (size_t)f.was.st_size ||
	    parse(c, path, path, &f.parsed)) {
		free(f.text);
		return CMD_FAILED;
	}
	*ret = f;
	return CMD_DONE;
}

void conf_file_free(struct conf_file *f)
{
	free(f->text);
	config_free(&f->parsed);
}

static bool write_all(int fd, const char *text)
{
	size_t len = strlen(text), done = 0;
	ssize_t n;

	while (done < len) {
		n = write(fd, text + done, len - done);
		if (n < 0 && errno != EINTR)
			return false;
		done += n > 0 ? n : 0;
	}
	return true;
}

/* The directory entry reaches the disk, too. */
static void sync_dir(const char *path)
{
	char copy[PATH_MAX];
	int fd;

	snprintf(copy, sizeof(copy), "%s", path);
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0) {
		fsync(fd);
		close(fd);
	}
}

static bool is_unchanged(const struct conf_file *f)
{
	struct stat now;

	return !stat(f->path, &now) && now.st_dev == f->was.st_dev &&
	       now.st_ino == f->was.st_ino && now.st_size == f->was.st_size &&
	       now.st_mtim.tv_sec == f->was.st_mtim.tv_sec &&
	       now.st_mtim.tv_nsec == f->was.st_mtim.tv_nsec;
}

/* Validates @fresh, which is written, and renames it to the file. */
static int replace(const struct cmd *c, const struct conf_file *f,
		   const char *fresh)
{
	struct config parsed;
	bool none;

	if (parse(c, fresh, f->path, &parsed))
		return CMD_FAILED;
	none = !parsed.n_services && f->parsed.n_services;
	config_free(&parsed);
	if (none)
		return cmd_failed(c,
				  "synkeeperd does not start without one: edit "
				  "the file",
				  "not saved: that is the last service in %s",
				  f->path);
	if (!is_unchanged(f))
		return cmd_failed(c, "try again",
				  "%s has changed in the meantime", f->path);
	if (rename(fresh, f->path))
		return cannot(c, "replace", f->path);
	sync_dir(f->path);
	return CMD_DONE;
}

int conf_file_write(const struct cmd *c, const struct conf_file *f)
{
	char fresh[PATH_MAX];
	bool written;
	int fd, code;

	/* root could replace a read-only file, but should not unasked */
	if (!(f->was.st_mode & 0222))
		return cmd_failed(c, "chmod u+w it, or edit it by hand",
				  "%s is read-only", f->path);
	snprintf(fresh, sizeof(fresh), "%s.XXXXXX", f->path);
	fd = mkostemp(fresh, O_CLOEXEC);
	if (fd < 0)
		return cannot(c, "write", f->path);
	written = write_all(fd, f->text) &&
		  !fchown(fd, f->was.st_uid, f->was.st_gid) &&
		  !fchmod(fd, f->was.st_mode & 07777) && !fsync(fd);
	code = written ? CMD_DONE : cannot(c, "write", fresh);
	close(fd);
	if (!code)
		code = replace(c, f, fresh);
	if (code)
		unlink(fresh);
	return code;
}
