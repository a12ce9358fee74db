/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: questions to the kernel over netlink, and its answers.
 * Whoever asks all the time keeps a socket: without a free file descriptor, a
 * new one could not be had.
 */
#ifndef NETLINK_H
#define NETLINK_H

#include <libmnl/libmnl.h>
#include <stdbool.h>
#include <sys/socket.h>

/* Begins a request in @buf. @flags besides NLM_F_REQUEST: _ACK, or _DUMP. */
struct nlmsghdr *netlink_request(char *buf, uint16_t type, uint16_t flags);

/* A socket that hears @groups, for mnl_socket_close(). NULL and errno. */
struct mnl_socket *netlink_open(int bus, unsigned int groups);

/*
 * Sends @nlh and gives what comes back, up to the acknowledgement or the end of
 * the dump, to @cb, until that returns MNL_CB_STOP or less. 0 or -errno;
 * -EINTR: what was listed changed meanwhile, and some of it may be missing.
 */
int netlink_ask_at(struct mnl_socket *nl, struct nlmsghdr *nlh, mnl_cb_t cb,
		   void *data);
/*
 * The same, but nothing more is read once @cb says stop, so that a long list
 * costs only as much as is looked at. The rest is left in @nl, which is good
 * for nothing but to be closed then, or after an error. -errno is @cb's, too,
 * if it returned MNL_CB_ERROR.
 */
int netlink_ask_until(struct mnl_socket *nl, const struct nlmsghdr *nlh,
		      mnl_cb_t cb, void *data);
/* As netlink_ask_at(), with a socket of its own. */
int netlink_ask(int bus, struct nlmsghdr *nlh, mnl_cb_t cb, void *data);

#endif
