/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: tc programs on kernels without tcx (before Linux 6.6):
 * filters in direct action on a clsact qdisc, of the first priority, beside
 * those of others. Of one priority the youngest runs first: to go to the front
 * again, ours takes the other of two handles and then gives the first one up.
 * They belong to the interface and outlive the daemon like pinned
 * links; the handle tells ours, and whether the qdisc is ours, too: it then
 * goes with the last of our filters, unless others have moved in.
 */
#ifndef CLSACT_H
#define CLSACT_H

#include <linux/types.h>
#include <stdbool.h>

/*
 * Where a filter of ours with program @prog_id is on that way. 0, and the id of
 * the program that runs first (0: ours does; CLSACT_OTHER: a filter of another
 * kind); -ENOENT if it is not there, or -errno.
 */
enum { CLSACT_OTHER = 0xffffffff };
int clsact_place(int ifindex, bool ingress, __u32 prog_id, __u32 *ret_first);

/*
 * Puts program @prog_fd on the way in or out of @ifindex, in the place of an
 * earlier one of ours if there is one, without a gap, and in front of others of
 * its priority. Returns 0 or -errno.
 */
int clsact_attach(int ifindex, bool ingress, int prog_fd);

/* Removes what clsact_attach() put there, by whichever instance. */
void clsact_detach(int ifindex);

#endif
