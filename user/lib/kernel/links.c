/* SPDX-License-Identifier: GPL-2.0-only */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <string.h>
#include <unistd.h>

#include "links.h"

/*
 * struct bpf_link_info as XDP and tcx links fill it: their part begins with the
 * interface. Debian 12's header lacks that of tcx.
 */
union link_info {
	struct bpf_link_info info;
	struct {
		__u32 type, id, prog_id, pad, ifindex;
	} netdev;
};

int link_ifindex(int fd, __u32 *ret_prog)
{
	union link_info u = {};
	__u32 len = sizeof(u.info);

	if (bpf_obj_get_info_by_fd(fd, &u.info, &len))
		return -errno;
	if (ret_prog)
		*ret_prog = u.netdev.prog_id;
	return (int)u.netdev.ifindex;
}

__u32 link_program(int fd)
{
	struct bpf_prog_info info = {};
	__u32 len = sizeof(info);

	return bpf_obj_get_info_by_fd(fd, &info, &len) ? 0 : info.id;
}

int link_remove(const char *path)
{
	int fd = bpf_obj_get(path);

	if (fd >= 0) {
		bpf_link_detach(fd);
		close(fd);
	}
	return unlink(path) ? -errno : 0;
}

int tcx_query(int ifindex, int type, struct tcx_programs *ret)
{
	__u32 flags;

	ret->n = LINKS_TCX_MAX;
	if (!bpf_prog_query(ifindex, type, 0, &flags, ret->ids, &ret->n))
		return 0;
	if (errno == ENOSPC) { /* there are more; these are the first */
		ret->n = LINKS_TCX_MAX;
		return 0;
	}
	ret->n = 0;
	return errno == ENOENT ? 0 : -errno; /* never had any */
}

const char *program_name(__u32 id, char buf[LINKS_NAME_LEN])
{
	int fd = bpf_prog_get_fd_by_id(id);
	struct bpf_prog_info info = {};
	__u32 len = sizeof(info);

	strcpy(buf, "?");
	if (fd < 0)
		return buf;
	if (!bpf_obj_get_info_by_fd(fd, &info, &len) && info.name[0])
		memcpy(buf, info.name, LINKS_NAME_LEN);
	buf[LINKS_NAME_LEN - 1] = '\0';
	close(fd);
	return buf;
}

bool program_is_ours(const char *name)
{
	static const char ours[] = "synkeeper_";

	return !strncmp(name, ours, strlen(ours));
}
