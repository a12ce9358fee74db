/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: tc programs on kernels without tcx (before Linux 6.6):
 * direct-action filters on a clsact qdisc, at the highest priority, next to
 * other tools' filters. Of several at one priority the newest runs first: to
 * get back in front, ours is attached again under a second handle and then
 * removed under the first. Filters belong to the interface and outlive the
 * daemon, as pinned links do. The handle identifies ours and says whether we
 * created the qdisc: if so, it is removed with our last filter, unless others
 * have filters on it.
 */
#ifndef CLSACT_H
#define CLSACT_H

#include <linux/types.h>
#include <stdbool.h>

/*
 * Looks for our filter with program @prog_id. Returns 0 and the id of the
 * program that runs first (0: ours does; CLSACT_OTHER: a filter of another
 * kind); -ENOENT if there is none, or -errno.
 */
enum { CLSACT_OTHER = 0xffffffff };
int clsact_place(int ifindex, bool ingress, __u32 prog_id, __u32 *ret_first);

/*
 * Attaches program @prog_fd to ingress or egress of @ifindex, in front of other
 * filters at its priority. Replaces an earlier one of ours without a gap.
 * Returns 0 or -errno.
 */
int clsact_attach(int ifindex, bool ingress, int prog_fd);

/* Removes what clsact_attach() attached, in any instance. */
void clsact_detach(int ifindex);

#endif
