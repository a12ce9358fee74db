/* SPDX-License-Identifier: GPL-2.0-only */
#include <errno.h>
#include <linux/rtnetlink.h>

#include "netlink.h"
#include "route.h"

/* The kernel filters by table only with strict checking (Linux 4.20). */
int route_dump(__u8 family, __u32 table, mnl_cb_t on_route, void *data)
{
	struct mnl_socket *nl = netlink_open(NETLINK_ROUTE, 0);
	char buf[MNL_SOCKET_BUFFER_SIZE];
	struct nlmsghdr *nlh;
	struct rtmsg *rtm;
	int err, on = 1;

	if (!nl)
		return -errno;
	mnl_socket_setsockopt(nl, NETLINK_GET_STRICT_CHK, &on, sizeof(on));
	nlh = netlink_request(buf, RTM_GETROUTE, NLM_F_DUMP);
	rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));
	rtm->rtm_family = family;
	rtm->rtm_table = table < 256 ? (__u8)table : RT_TABLE_COMPAT;
	if (table)
		mnl_attr_put_u32(nlh, RTA_TABLE, table);
	err = netlink_ask_until(nl, nlh, on_route, data);
	mnl_socket_close(nl);
	return err == -ENOENT ? 0 : err; /* a table that nothing was ever in */
}
