/* SPDX-License-Identifier: GPL-2.0-only */
/* Theory of operation: see netlink.h. */
#include <errno.h>
#include <time.h>

#include "netlink.h"

enum { REPLY_MAX = 32768 }; /* what a dump fills at most */

struct nlmsghdr *netlink_request(char *buf, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	nlh->nlmsg_seq = (uint32_t)time(NULL);
	return nlh;
}

int netlink_ask(int bus, struct nlmsghdr *nlh, mnl_cb_t cb, void *data)
{
	struct mnl_socket *nl = mnl_socket_open2(bus, SOCK_CLOEXEC);
	uint32_t seq = nlh->nlmsg_seq;
	char buf[REPLY_MAX];
	ssize_t n;
	int err = 0;

	if (!nl)
		return -errno;
	if (mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) < 0) {
		err = -errno;
		goto out;
	}
	do {
		n = mnl_socket_recvfrom(nl, buf, sizeof(buf));
		if (n >= 0)
			n = mnl_cb_run(buf, n, seq, mnl_socket_get_portid(nl),
				       cb, data);
		if (n < 0)
			err = -errno;
	} while (n > MNL_CB_STOP);
out:
	mnl_socket_close(nl);
	return err;
}
