/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: XDP features of an interface's driver, which the generic
 * netlink family "netdev" reports without attaching anything.
 */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "check.h"
#include "kernel/netlink.h"

/* linux/netdev.h */
enum {
	NETDEV_DEV_GET = 1, /* command */
	NETDEV_IFINDEX = 1, /* attributes */
	NETDEV_XDP_FEATURES = 3,
	NETDEV_XDP_RX_METADATA = 5,
};

static struct nlmsghdr *put_genl(char *buf, uint16_t family, uint8_t command)
{
	struct nlmsghdr *nlh = netlink_request(buf, family, NLM_F_ACK);
	struct genlmsghdr *genl =
		mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));

	genl->cmd = command;
	genl->version = 1;
	return nlh;
}

static uint64_t attr_u64(const struct nlattr *a)
{
	return mnl_attr_validate(a, MNL_TYPE_U64) < 0 ? 0 : mnl_attr_get_u64(a);
}

static int on_family(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *a;

	mnl_attr_for_each (a, nlh, sizeof(struct genlmsghdr))
		if (mnl_attr_get_type(a) == CTRL_ATTR_FAMILY_ID &&
		    mnl_attr_validate(a, MNL_TYPE_U16) >= 0)
			*(uint16_t *)data = mnl_attr_get_u16(a);
	return MNL_CB_OK;
}

static int on_netdev(const struct nlmsghdr *nlh, void *data)
{
	struct check_xdp *ret = data;
	const struct nlattr *a;

	mnl_attr_for_each (a, nlh, sizeof(struct genlmsghdr)) {
		if (mnl_attr_get_type(a) == NETDEV_XDP_FEATURES)
			ret->features = attr_u64(a);
		if (mnl_attr_get_type(a) == NETDEV_XDP_RX_METADATA)
			ret->rx_metadata = attr_u64(a);
	}
	return MNL_CB_OK;
}

int check_xdp_get(int ifindex, struct check_xdp *ret)
{
	char buf[512] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct check_xdp xdp = {};
	struct nlmsghdr *nlh;
	uint16_t family = 0;
	int err;

	nlh = put_genl(buf, GENL_ID_CTRL, CTRL_CMD_GETFAMILY);
	mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, "netdev");
	err = netlink_ask(NETLINK_GENERIC, nlh, on_family, &family);
	if (err)
		return err;

	nlh = put_genl(buf, family, NETDEV_DEV_GET);
	mnl_attr_put_u32(nlh, NETDEV_IFINDEX, ifindex);
	err = netlink_ask(NETLINK_GENERIC, nlh, on_netdev, &xdp);
	if (!err)
		*ret = xdp;
	return err;
}
