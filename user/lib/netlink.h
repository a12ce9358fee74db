/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: one question to the kernel over netlink, with a socket of
 * its own, and its answers.
 */
#ifndef NETLINK_H
#define NETLINK_H

#include <libmnl/libmnl.h>

/* Begins a request in @buf. @flags besides NLM_F_REQUEST: _ACK, or _DUMP. */
struct nlmsghdr *netlink_request(char *buf, uint16_t type, uint16_t flags);

/*
 * Sends @nlh and gives what comes back, up to the acknowledgement or the end of
 * the dump, to @cb. 0 or -errno.
 */
int netlink_ask(int bus, struct nlmsghdr *nlh, mnl_cb_t cb, void *data);

#endif
