/* SPDX-License-Identifier: GPL-2.0-only */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <linux/magic.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "clsact.h"
#include "links.h"
#include "pins.h"
#include "syncookies.h"

const char *const pins_programs[PINS_PROGRAMS] = { "xdp", "xdp_frags", "tc",
						   "egress" };

bool pins_on_bpffs(const char *path)
{
	struct statfs fs;

	return !statfs(path, &fs) && (__u32)fs.f_type == BPF_FS_MAGIC;
}

int pins_holder(int dir_fd)
{
	FILE *f = fopen("/proc/locks", "re");
	int pid = 0, found = 0;
	unsigned int major, minor;
	unsigned long inode;
	struct stat st;
	char line[256];

	if (f && !fstat(dir_fd, &st))
		while (!found && fgets(line, sizeof(line), f))
			if (sscanf(line, "%*d: FLOCK %*s %*s %d %x:%x:%lu",
				   &pid, &major, &minor, &inode) == 4 &&
			    makedev(major, minor) == st.st_dev &&
			    inode == st.st_ino)
				found = pid;
	if (f)
		fclose(f);
	return found;
}

/* ---- ownership ---- */

__attribute__((format(printf, 2, 3))) static int refuse(char why[PINS_WHY_MAX],
							const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, PINS_WHY_MAX, fmt, ap);
	va_end(ap);
	return -EPERM;
}

/* Is the directory closed to others? With read access they could lock it. */
static int check_private(int fd, const char *name, char why[PINS_WHY_MAX])
{
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	if (st.st_uid && st.st_uid != geteuid())
		return refuse(why,
			      "%s belongs to uid %u, not to root: remove it, "
			      "and mount the bpf file system with mode=0700",
			      name, st.st_uid);
	if (st.st_mode & 066)
		return refuse(why,
			      "%s has mode %04o, open to others: chmod 0700, "
			      "or remove it if its contents may be theirs",
			      name, st.st_mode & 07777);
	return 0;
}

/* Is nobody else able to replace entries of directory @fd? */
static int check_above(int fd, const struct stat *st, char why[PINS_WHY_MAX])
{
	char self[32], name[PATH_MAX / 8] = "?";
	ssize_t len;

	if ((!st->st_uid || st->st_uid == geteuid()) &&
	    (!(st->st_mode & 022) || st->st_mode & S_ISVTX))
		return 0;
	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	len = readlink(self, name, sizeof(name) - 1);
	if (len > 0)
		name[len] = '\0';
	return refuse(why,
		      "others can replace what is in %s (uid %u, mode %04o): "
		      "chown root and chmod go-w, or mount the bpf file system "
		      "with mode=0700",
		      name, st->st_uid, st->st_mode & 07777);
}

/* Checks each directory above @dir_fd, up to the root (its own parent). */
static int check_parents(int dir_fd, char why[PINS_WHY_MAX])
{
	struct stat st, below;
	int fd = dir_fd, up, err = fstat(dir_fd, &st) ? -errno : 0;

	while (!err) {
		up = openat(fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (fd != dir_fd)
			close(fd);
		fd = up;
		below = st;
		if (fd < 0 || fstat(fd, &st))
			err = -errno;
		else if (st.st_dev == below.st_dev && st.st_ino == below.st_ino)
			break;
		else
			err = check_above(fd, &st, why);
	}
	if (fd >= 0 && fd != dir_fd)
		close(fd);
	return err;
}

/* Checks one of the two directories in the pin directory, if it exists. */
static int check_inner(int dir_fd, const char *pin_dir, const char *inner,
		       char why[PINS_WHY_MAX])
{
	int fd = openat(dir_fd, inner,
			O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	char name[PATH_MAX / 8];
	int err;

	snprintf(name, sizeof(name), "%s/%s", pin_dir, inner);
	if (fd < 0)
		return errno == ENOENT ? 0
				       : refuse(why, "%s: %s: remove it", name,
						strerror(errno));
	err = check_private(fd, name, why);
	close(fd);
	return err;
}

/* -ELOOP: @name in @dir_fd is a symbolic link. */
static int open_inner(int dir_fd, const char *name, int flags)
{
	int fd = openat(dir_fd, name,
			flags | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int err = -errno;
	struct stat st;

	if (fd >= 0)
		return fd;
	return !fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) &&
			       S_ISLNK(st.st_mode)
		       ? -ELOOP
		       : err;
}

/*
 * Opens a directory whose path contains no symbolic link, or returns -ELOOP.
 * Not with openat2(2): it fails in systemd units with RestrictSUIDSGID.
 */
static int open_no_symlinks(const char *path)
{
	int fd = open(*path == '/' ? "/" : ".",
		      O_PATH | O_DIRECTORY | O_CLOEXEC);
	char copy[PATH_MAX], *rest = NULL, *name, *next;
	int dir_fd;

	if (fd < 0 || strlen(path) >= sizeof(copy))
		return fd < 0 ? -errno : -ENAMETOOLONG;
	strcpy(copy, path);
	for (name = strtok_r(copy, "/", &rest); name && fd >= 0; name = next) {
		next = strtok_r(NULL, "/", &rest);
		dir_fd = fd;
		fd = open_inner(dir_fd, name, next ? O_PATH : O_RDONLY);
		close(dir_fd);
	}
	return fd;
}

int pins_open(const char *pin_dir, char ret_why[PINS_WHY_MAX])
{
	int fd = open_no_symlinks(pin_dir), err;

	if (fd == -ELOOP)
		return refuse(ret_why,
			      "%s is, or goes through, a symbolic link: name "
			      "the directory itself, or remove the link",
			      pin_dir);
	if (fd < 0)
		return fd;
	err = check_private(fd, pin_dir, ret_why);
	if (!err)
		err = check_parents(fd, ret_why);
	if (!err)
		err = check_inner(fd, pin_dir, "maps", ret_why);
	if (!err)
		err = check_inner(fd, pin_dir, "links", ret_why);
	if (!err)
		return fd;
	close(fd);
	return err;
}

/* ---- contents ---- */

/*
 * Removes a directory of pins, detaching links; returns how many pins there
 * were.
 */
static int remove_in(const char *pin_dir, int dir_fd, const char *name)
{
	char path[PATH_MAX];
	int fd = openat(dir_fd, name,
			O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
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
	while ((e = readdir(dir))) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s/%s", pin_dir, name,
			 e->d_name);
		n += !link_remove(path);
	}
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
 * Reads the programs' settings if they are of this version; returns their map
 * or -errno.
 */
static int open_settings(const char *pin_dir, struct settings *ret)
{
	int fd = open_pin(pin_dir, "maps/settings");
	struct bpf_map_info info = {};
	__u32 len = sizeof(info), zero = 0;

	if (fd < 0)
		return -errno;
	if (!bpf_obj_get_info_by_fd(fd, &info, &len) &&
	    info.value_size == sizeof(*ret) &&
	    !bpf_map_lookup_elem(fd, &zero, ret))
		return fd;
	close(fd);
	return -EPROTO;
}

/* Settings of any version begin with these __u32. */
enum { FLAGS_AT = offsetof(struct settings, flags) / sizeof(__u32) };
_Static_assert(FLAGS_AT == 1, "abi, flags, epoch: in every version");

/* Sets and clears flags of the programs' settings, of any version. */
static void change_flags(const char *pin_dir, __u32 set, __u32 clear)
{
	int fd = open_pin(pin_dir, "maps/settings");
	struct bpf_map_info info = {};
	__u32 len = sizeof(info), zero = 0, *value = NULL;

	if (fd < 0)
		return;
	if (!bpf_obj_get_info_by_fd(fd, &info, &len) &&
	    info.value_size > FLAGS_AT * sizeof(*value))
		value = malloc(info.value_size);
	if (value && !bpf_map_lookup_elem(fd, &zero, value)) {
		value[FLAGS_AT] = (value[FLAGS_AT] | set) & ~clear;
		bpf_map_update_elem(fd, &zero, value, BPF_ANY);
	}
	free(value);
	close(fd);
}

int pins_restore(const char *pin_dir)
{
	struct settings cfg = {};
	int fd = open_settings(pin_dir, &cfg), value;

	if (fd < 0)
		return -1;
	value = syncookies_restore(&cfg, 0);
	close(fd);
	return value;
}

/*
 * An ifindex means nothing in another network namespace. Settings of another
 * version cannot be read: assume this namespace.
 */
static bool is_of_this_netns(const char *pin_dir)
{
	struct settings cfg = {};
	int fd = open_settings(pin_dir, &cfg);

	if (fd < 0)
		return true;
	close(fd);
	return cfg.netns == syncookies_netns();
}

void pins_disarm(const char *pin_dir)
{
	change_flags(pin_dir, SETTING_DISARMED, 0);
}

bool pins_is_ours(int prog_fd, char ret_name[PINS_NAME_LEN])
{
	static const char ours[] = "synkeeper_xdp";
	struct bpf_prog_info info = {};
	__u32 len = sizeof(info);

	if (bpf_obj_get_info_by_fd(prog_fd, &info, &len)) {
		snprintf(ret_name, PINS_NAME_LEN, "?");
		return false;
	}
	snprintf(ret_name, PINS_NAME_LEN, "%s", info.name);
	return !strncmp(info.name, ours, strlen(ours));
}

/* Detaches our XDP program, if any, from @ifindex. */
static void detach_by_hand(int ifindex)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, there);
	LIBBPF_OPTS(bpf_xdp_attach_opts, opts);
	char name[PINS_NAME_LEN];

	if (bpf_xdp_query(ifindex, 0, &there) || !there.prog_id)
		return;
	opts.old_prog_fd = bpf_prog_get_fd_by_id(there.prog_id);
	if (opts.old_prog_fd < 0)
		return;
	if (pins_is_ours(opts.old_prog_fd, name))
		bpf_xdp_detach(ifindex,
			       XDP_FLAGS_REPLACE |
				       (there.attach_mode == XDP_ATTACHED_SKB
						? XDP_FLAGS_SKB_MODE
						: XDP_FLAGS_DRV_MODE),
			       &opts);
	close(opts.old_prog_fd);
}

/* Detaches what no link holds. */
static void detach_unlinked(const char *pin_dir)
{
	int map_fd = open_pin(pin_dir, "maps/ifaces");
	struct iface iface;
	__u32 slot;

	if (map_fd < 0)
		return;
	for (slot = 0; slot < IFACES_MAX; slot++)
		if (!bpf_map_lookup_elem(map_fd, &slot, &iface) &&
		    iface.ifindex) {
			detach_by_hand((int)iface.ifindex);
			clsact_detach((int)iface.ifindex);
		}
	close(map_fd);
}

int pins_remove(const char *pin_dir)
{
	char why[PINS_WHY_MAX];
	int fd = pins_open(pin_dir, why), n = 0, i;

	if (fd < 0)
		return fd;
	if (!pins_on_bpffs(pin_dir) ||
	    faccessat(fd, "maps/settings", F_OK, 0)) {
		close(fd);
		return -ENOENT;
	}
	/*
	 * Programs attached by hand survive the pins. They must not go on
	 * answering SYNs whose ACKs nobody would admit.
	 */
	change_flags(pin_dir, 0, SETTING_READY);
	n += remove_in(pin_dir, fd, "links"); /* detaches: traffic first */
	if (is_of_this_netns(pin_dir))
		detach_unlinked(pin_dir);
	for (i = 0; i < PINS_PROGRAMS; i++)
		n += !unlinkat(fd, pins_programs[i], 0);
	n += remove_in(pin_dir, fd, "maps");
	close(fd);
	rmdir(pin_dir);
	return n;
}
