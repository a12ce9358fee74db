/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: restores pins that others removed, from the descriptors
 * that the daemon holds. See loader.h.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "loader.h"
#include "kernel/pins.h"

/* The directory is gone or replaced: creates its own again. */
static int claim_again(struct loader *l)
{
	char copy[PATH_MAX];

	snprintf(copy, sizeof(copy), "%s", l->pin_dir);
	if (!pins_on_bpffs(dirname(copy)))
		return -ENOENT;
	return loader_claim(l);
}

static int repin(int fd, const char *path)
{
	if (fd < 0 || !access(path, F_OK) || errno != ENOENT)
		return 0;
	return bpf_obj_pin(fd, path) ? -errno : 1;
}

int loader_repin(struct loader *l)
{
	const int fds[PINS_PROGRAMS] = { loader_xdp_fd(l),
					 loader_xdp_frags_fd(l),
					 loader_tc_fd(l), loader_egress_fd(l) };
	int i, n = 0, ret = loader_holds_dir(l) ? 0 : claim_again(l);
	char path[PATH_MAX];

	if (ret)
		return ret;
	snprintf(path, sizeof(path), "%s/links", l->pin_dir);
	mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s/maps", l->pin_dir);
	mkdir(path, 0700);
	for (i = 0; i < MAP_COUNT && ret >= 0; i++, n += ret > 0) {
		snprintf(path, sizeof(path), "%s/maps/%s", l->pin_dir,
			 loader_map_name(l, i));
		ret = repin(loader_map_fd(l, i), path);
	}
	for (i = 0; i < PINS_PROGRAMS && ret >= 0; i++, n += ret > 0) {
		snprintf(path, sizeof(path), "%s/%s", l->pin_dir,
			 pins_programs[i]);
		ret = repin(fds[i], path);
	}
	return ret < 0 ? ret : n;
}
