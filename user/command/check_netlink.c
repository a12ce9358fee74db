/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: two questions to the kernel, see check.h: rtnetlink
 * for the link, the generic netlink family "netdev" for what its driver can
 * do with XDP, which is told without attaching anything.
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

/* linux/netdev.h */
enum {
	NETDEV_DEV_GET = 1, /* command */
	NETDEV_IFINDEX = 1, /* attributes */
	NETDEV_XDP_FEATURES = 3,
	NETDEV_XDP_RX_METADATA = 5,
};

static struct nlmsghdr *put_request(char *buf, uint16_t type)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	nlh->nlmsg_seq = (uint32_t)time(NULL);
	return nlh;
}

static struct nlmsghdr *put_genl(char *buf, uint16_t family, uint8_t command)
{
	struct nlmsghdr *nlh = put_request(buf, family);
	struct genlmsghdr *genl =
		mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));

	genl->cmd = command;
	genl->version = 1;
	return nlh;
}

/* Sends @nlh and gives what comes back, up to the acknowledgement, to @cb. */
static int ask(int bus, struct nlmsghdr *nlh, mnl_cb_t cb, void *data)
{
	struct mnl_socket *nl = mnl_socket_open2(bus, SOCK_CLOEXEC);
	uint32_t seq = nlh->nlmsg_seq;
	char buf[16384];
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

static uint32_t attr_u32(const struct nlattr *a)
{
	return mnl_attr_validate(a, MNL_TYPE_U32) < 0 ? 0 : mnl_attr_get_u32(a);
}

static uint64_t attr_u64(const struct nlattr *a)
{
	return mnl_attr_validate(a, MNL_TYPE_U64) < 0 ? 0 : mnl_attr_get_u64(a);
}

static int on_link(const struct nlmsghdr *nlh, void *data)
{
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);
	struct check_link *ret = data;
	const struct nlattr *a, *b;

	ret->ifindex = ifi->ifi_index;
	ret->flags = ifi->ifi_flags;
	ret->type = ifi->ifi_type;
	mnl_attr_for_each (a, nlh, sizeof(*ifi)) {
		switch (mnl_attr_get_type(a)) {
		case IFLA_MTU:
			ret->mtu = attr_u32(a);
			break;
		case IFLA_LINK:
			ret->peer = (int)attr_u32(a);
			break;
		case IFLA_MASTER:
			ret->master = (int)attr_u32(a);
			break;
		case IFLA_ADDRESS:
			if (mnl_attr_get_payload_len(a) == sizeof(ret->mac))
				memcpy(ret->mac, mnl_attr_get_payload(a),
				       sizeof(ret->mac));
			break;
		case IFLA_LINK_NETNSID:
			ret->peer_elsewhere = true;
			break;
		case IFLA_LINKINFO:
			mnl_attr_for_each_nested (b, a)
				if (mnl_attr_get_type(b) == IFLA_INFO_KIND)
					snprintf(ret->kind, sizeof(ret->kind),
						 "%s", mnl_attr_get_str(b));
			break;
		}
	}
	return MNL_CB_OK;
}

int check_link_get(const char *name, int ifindex, struct check_link *ret)
{
	char buf[512] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct nlmsghdr *nlh = put_request(buf, RTM_GETLINK);
	struct check_link link = {};
	struct ifinfomsg *ifi;
	int err;

	if (name && (!*name || strlen(name) >= IF_NAMESIZE))
		return -ENODEV;
	ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifi));
	ifi->ifi_family = AF_UNSPEC;
	ifi->ifi_index = ifindex;
	if (name)
		mnl_attr_put_strz(nlh, IFLA_IFNAME, name);
	err = ask(NETLINK_ROUTE, nlh, on_link, &link);
	if (!err)
		*ret = link;
	return err;
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
	err = ask(NETLINK_GENERIC, nlh, on_family, &family);
	if (err)
		return err;

	nlh = put_genl(buf, family, NETDEV_DEV_GET);
	mnl_attr_put_u32(nlh, NETDEV_IFINDEX, ifindex);
	err = ask(NETLINK_GENERIC, nlh, on_netdev, &xdp);
	if (!err)
		*ret = xdp;
	return err;
}
