/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: ownership of the pin directory. It lies on a bpffs and
 * belongs to root alone; the instance that holds its lock uses it.
 */
#include <dirent.h>
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "loader.h"
#include "log.h"
#include "kernel/pins.h"

enum { CLAIM_TRIES = 10 };

static bool is_empty_dir(const char *path)
{
	const struct dirent *e;
	DIR *dir = opendir(path);
	bool empty = dir;

	while (empty && (e = readdir(dir)))
		empty = !strcmp(e->d_name, ".") || !strcmp(e->d_name, "..");
	if (dir)
		closedir(dir);
	return empty;
}

/* A mount hides the directory's contents: only suggest an empty one. */
static void log_no_bpffs(const char *pin_dir, const char *parent)
{
	if (is_empty_dir(parent))
		log_err("%s: not on a bpf file system: mount -t bpf bpf %s, or "
			"choose a --pin-dir under /sys/fs/bpf",
			pin_dir, parent);
	else
		log_err("%s: not on a bpf file system: choose a --pin-dir "
			"under /sys/fs/bpf, or mount one on an empty directory",
			pin_dir);
}

int loader_ensure_bpffs(const char *pin_dir)
{
	char copy[PATH_MAX], *parent;

	snprintf(copy, sizeof(copy), "%s", pin_dir);
	parent = dirname(copy);
	if (pins_on_bpffs(pin_dir) || pins_on_bpffs(parent))
		return 0;
	if (strcmp(parent, "/sys/fs/bpf")) {
		log_no_bpffs(pin_dir, parent);
		return -EINVAL;
	}
	if (mount("bpf", parent, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC,
		  "mode=0700")) {
		log_err("%s: cannot mount the bpf file system: %s", parent,
			strerror(errno));
		return -errno;
	}
	log_info("mounted the bpf file system on %s", parent);
	return 0;
}

bool loader_holds_dir(const struct loader *l)
{
	struct stat mine, there;

	return !fstat(l->lock_fd, &mine) && !stat(l->pin_dir, &there) &&
	       mine.st_dev == there.st_dev && mine.st_ino == there.st_ino;
}

/* Of two that start at the same moment, the one with the lock wins. */
static int lock_dir(struct loader *l)
{
	char why[PINS_WHY_MAX];
	int err = 0, pid;

	l->made_dir = !mkdir(l->pin_dir, 0700);
	if (!l->made_dir && errno != EEXIST) {
		err = -errno;
		log_err("%s: cannot create the pin directory: %s", l->pin_dir,
			strerror(-err));
		return err;
	}
	l->lock_fd = pins_open(l->pin_dir, why);
	if (l->lock_fd == -EPERM) {
		log_err("%s", why);
		return -EPERM;
	}
	if (l->lock_fd >= 0 && !flock(l->lock_fd, LOCK_EX | LOCK_NB))
		return 0;
	err = l->lock_fd < 0 ? l->lock_fd : -errno;
	l->made_dir = false; /* the other instance removes it */
	if (err == -ENOENT)
		return -EAGAIN;
	if (err != -EWOULDBLOCK) {
		log_err("%s: %s", l->pin_dir, strerror(-err));
		return err;
	}
	pid = pins_holder(l->lock_fd);
	log_err("%s: another synkeeperd (pid %d) runs on this pin directory: "
		"stop it (synkeeper down), or start this one with another "
		"--pin-dir and --control",
		l->pin_dir, pid);
	return -EBUSY;
}

int loader_claim(struct loader *l)
{
	int i, err = -EAGAIN;

	/*
	 * an exiting instance may remove the directory after it was opened here
	 */
	for (i = 0; i < CLAIM_TRIES && err == -EAGAIN; i++) {
		if (l->lock_fd >= 0)
			close(l->lock_fd);
		l->lock_fd = -1;
		err = lock_dir(l);
		if (!err && !loader_holds_dir(l))
			err = -EAGAIN;
	}
	if (err == -EAGAIN)
		log_err("%s: gave up: another process keeps creating and "
			"removing it",
			l->pin_dir);
	return err;
}
