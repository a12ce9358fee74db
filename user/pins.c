/* SPDX-License-Identifier: GPL-2.0-only */
/* Theory of operation: see pins.h. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "pins.h"
#include "synkeeper/abi.h"

bool pins_on_bpffs(const char *path)
{
	struct statfs fs;

	return !statfs(path, &fs) && (__u32)fs.f_type == BPF_FS_MAGIC;
}

/* Empties one directory of the pins' tree; returns how many it removed. */
static int remove_in(int dir_fd, const char *name)
{
	int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent *e;
	int n = 0;
	DIR *dir;

	if (fd < 0)
		return 0;
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return 0;
	}
	while ((e = readdir(dir)))
		if (e->d_name[0] != '.' && !unlinkat(fd, e->d_name, 0))
			n++;
	closedir(dir);
	unlinkat(dir_fd, name, AT_REMOVEDIR);
	return n;
}

static int open_pin(const char *pin_dir, const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", pin_dir, name);
	return bpf_obj_get(path);
}

/*
 * What no pin holds, because it was attached by hand, must not go on answering
 * SYNs whose ACKs nobody would admit: without READY it passes everything.
 */
static void unready(const char *pin_dir)
{
	int fd = open_pin(pin_dir, "maps/settings");
	struct settings cfg;
	__u32 zero = 0;

	if (fd < 0)
		return;
	if (!bpf_map_lookup_elem(fd, &zero, &cfg)) {
		cfg.flags &= ~SETTING_READY;
		bpf_map_update_elem(fd, &zero, &cfg, BPF_ANY);
	}
	close(fd);
}

/* Detaches @prog_fd from @ifindex, if it is what is attached there. */
static void detach_by_hand(int ifindex, int prog_fd, __u32 prog_id)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, there);
	LIBBPF_OPTS(bpf_xdp_attach_opts, opts, .old_prog_fd = prog_fd);

	if (bpf_xdp_query(ifindex, 0, &there) || there.prog_id != prog_id)
		return;
	bpf_xdp_detach(ifindex,
		       XDP_FLAGS_REPLACE |
			       (there.attach_mode == XDP_ATTACHED_SKB
					? XDP_FLAGS_SKB_MODE
					: XDP_FLAGS_DRV_MODE),
		       &opts);
}

static void detach_all_by_hand(const char *pin_dir)
{
	int prog_fd = open_pin(pin_dir, "xdp");
	int map_fd = open_pin(pin_dir, "maps/ifaces");
	struct bpf_prog_info info = {};
	__u32 len = sizeof(info), slot;
	struct iface iface;

	if (prog_fd >= 0 && map_fd >= 0 &&
	    !bpf_obj_get_info_by_fd(prog_fd, &info, &len))
		for (slot = 0; slot < IFACES_MAX; slot++)
			if (!bpf_map_lookup_elem(map_fd, &slot, &iface) &&
			    iface.ifindex)
				detach_by_hand((int)iface.ifindex, prog_fd,
					       info.id);
	if (prog_fd >= 0)
		close(prog_fd);
	if (map_fd >= 0)
		close(map_fd);
}

int pins_remove(const char *pin_dir)
{
	int fd = open(pin_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), n = 0;

	if (fd < 0)
		return -errno;
	if (!pins_on_bpffs(pin_dir) ||
	    faccessat(fd, "maps/settings", F_OK, 0)) {
		close(fd);
		return -ENOENT;
	}
	unready(pin_dir);
	n += remove_in(fd, "links"); /* traffic first: detach */
	detach_all_by_hand(pin_dir);
	n += !unlinkat(fd, "xdp", 0);
	n += !unlinkat(fd, "tc", 0);
	n += !unlinkat(fd, "egress", 0);
	n += remove_in(fd, "maps");
	close(fd);
	rmdir(pin_dir);
	return n;
}
