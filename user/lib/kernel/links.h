/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: bpf_links of XDP and tcx, and the order of programs at
 * tcx. When its last reference is gone, a link is released some time later by a
 * worker of the kernel; until then its program stays attached and in the way.
 * So links are detached explicitly, which is complete when the call returns.
 */
#ifndef LINKS_H
#define LINKS_H

#include <linux/types.h>
#include <stdbool.h>

enum { LINKS_TCX_INGRESS = 46, LINKS_TCX_EGRESS = 47 }; /* Linux 6.6 */

/*
 * The interface that link @fd is attached to, 0 if detached, or -errno.
 * @ret_prog: its program's id; may be NULL.
 */
int link_ifindex(int fd, __u32 *ret_prog);

/* The id of program @fd; 0 if unknown. */
__u32 link_program(int fd);

/* Detaches the link pinned at @path and removes the pin. 0 or -errno. */
int link_remove(const char *path);

/* The programs at tcx, in the order in which they run. */
enum { LINKS_TCX_MAX = 64 };
struct tcx_programs {
	__u32 ids[LINKS_TCX_MAX];
	__u32 n;
};

/* 0 or -errno; -EINVAL: the kernel has no tcx. */
int tcx_query(int ifindex, int type, struct tcx_programs *ret);

/* The name of program @id, "?" if unknown (this takes CAP_SYS_ADMIN). */
enum { LINKS_NAME_LEN = 16 };
const char *program_name(__u32 id, char buf[LINKS_NAME_LEN]);

/* Is a program of that name Synkeeper's, from any instance? */
bool program_is_ours(const char *name);

/*
 * Who holds program @id: "pid 123 (synkeeperd)", or its pin below /sys/fs/bpf,
 * or "holder not found".
 */
enum { LINKS_HOLDER_LEN = 320 };
const char *program_holder(__u32 id, int ifindex, char buf[LINKS_HOLDER_LEN]);

#endif
