/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: netlink requests and their replies. Periodic callers
 * keep their socket: when file descriptors run out, no new one can be opened.
 */
#ifndef NETLINK_H
#define NETLINK_H

#include <libmnl/libmnl.h>
#include <stdbool.h>
#include <sys/socket.h>

/* Begins a request in @buf. @flags: in addition to NLM_F_REQUEST. */
struct nlmsghdr *netlink_request(char *buf, uint16_t type, uint16_t flags);

/* A socket subscribed to @groups, for mnl_socket_close(). NULL and errno. */
struct mnl_socket *netlink_open(int bus, unsigned int groups);

/*
 * Sends @nlh and passes what comes back, up to the acknowledgement or the end
 * of the dump, to @cb, until that returns MNL_CB_STOP or less. 0 or -errno;
 * -EINTR: the listed objects changed meanwhile, and some may be missing.
 */
int netlink_ask_at(struct mnl_socket *nl, struct nlmsghdr *nlh, mnl_cb_t cb,
		   void *data);
/*
 * The same, but stops reading when @cb says so: a long list costs only as much
 * as is used of it. The rest stays in @nl, which can then only be closed, as
 * after an error. If @cb returns MNL_CB_ERROR, -errno is the one it set.
 */
int netlink_ask_until(struct mnl_socket *nl, const struct nlmsghdr *nlh,
		      mnl_cb_t cb, void *data);
/*
 * Hands what @nl has been told so far to @cb (NULL: discards it) without
 * waiting, up to a bound, so that a router's full table does not keep the
 * caller. Returns whether all of it was read: false if the socket overflowed,
 * or @cb returned MNL_CB_ERROR.
 */
bool netlink_drain(struct mnl_socket *nl, mnl_cb_t cb, void *data);
/* As netlink_ask_at(), with a socket of its own. */
int netlink_ask(int bus, struct nlmsghdr *nlh, mnl_cb_t cb, void *data);

/* The value of @a in host byte order; 0 if it is too short. */
uint32_t netlink_u32(const struct nlattr *a);
/* Copies an address of either family to the beginning of @ret. */
void netlink_addr(const struct nlattr *a, uint8_t ret[16]);

#endif
