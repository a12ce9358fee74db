/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: one bpf_link of an attachment, as a descriptor and a
 * pin; see attach.h.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "attach.h"
#include "kernel/links.h"

void attach_link_path(const struct loader *l, int ifindex, const char *what,
		      char *buf, size_t size)
{
	snprintf(buf, size, "%s/links/%s_%d", l->pin_dir, what, ifindex);
}

bool attach_link_take(const struct loader *l, int ifindex, const char *what,
		      int *fd)
{
	char path[PATH_MAX];
	int there;

	if (*fd < 0) {
		attach_link_path(l, ifindex, what, path, sizeof(path));
		*fd = bpf_obj_get(path);
	}
	if (*fd < 0)
		return false;
	there = link_ifindex(*fd, NULL);
	if (there < 0 || there == ifindex)
		return true;
	attach_link_drop(l, ifindex, what, fd);
	return false;
}

int attach_link_make(const struct loader *l, int ifindex, const char *what,
		     int prog_fd, int type, __u32 flags, int *fd)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = flags);
	char path[PATH_MAX];
	int made = bpf_link_create(prog_fd, ifindex, type, &opts);

	if (made < 0)
		return -errno;
	if (*fd >= 0)
		close(*fd);
	*fd = made;
	attach_link_path(l, ifindex, what, path, sizeof(path));
	unlink(path);
	bpf_obj_pin(made, path); /* if it fails, pin_watch.c retries */
	return 0;
}

void attach_link_drop(const struct loader *l, int ifindex, const char *what,
		      int *fd)
{
	char path[PATH_MAX];

	attach_link_path(l, ifindex, what, path, sizeof(path));
	if (*fd >= 0) {
		bpf_link_detach(*fd);
		close(*fd);
		unlink(path);
	} else {
		link_remove(path);
	}
	*fd = -1;
}

int attach_link_repin(const struct loader *l, int ifindex, const char *what,
		      int fd)
{
	char path[PATH_MAX];

	attach_link_path(l, ifindex, what, path, sizeof(path));
	if (fd < 0 || !access(path, F_OK) || errno != ENOENT)
		return 0;
	return bpf_obj_pin(fd, path) ? -errno : 1;
}
