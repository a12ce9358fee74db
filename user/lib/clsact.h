/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: tc programs on kernels without tcx (before Linux 6.6):
 * filters in direct action on a clsact qdisc, first in line, beside those of
 * others. They belong to the interface and outlive the daemon like pinned
 * links; the handle tells ours, and whether the qdisc is ours, too: it then
 * goes with the last of our filters, unless others have moved in.
 */
#ifndef CLSACT_H
#define CLSACT_H

#include <stdbool.h>

/*
 * Puts program @prog_fd on the way in or out of @ifindex, in the place of an
 * earlier one of ours if there is one, without a gap. Returns 0 or -errno.
 */
int clsact_attach(int ifindex, bool ingress, int prog_fd);

/* Removes what clsact_attach() put there, by whichever instance. */
void clsact_detach(int ifindex);

#endif
