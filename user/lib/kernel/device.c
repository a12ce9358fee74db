/* SPDX-License-Identifier: GPL-2.0-only */
#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if_arp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device.h"
#include "netlink.h"

/* RTEXT_FILTER_SKIP_STATS, newer than some headers. */
enum { SKIP_STATS = 1 << 3 };

struct list {
	struct device *devices;
	size_t n;
	int err;
};

static bool attr_flag(const struct nlattr *a)
{
	return mnl_attr_validate(a, MNL_TYPE_U8) >= 0 && mnl_attr_get_u8(a);
}

static void read_bridge(const struct nlattr *data, struct device *ret)
{
	const struct nlattr *a;

	mnl_attr_for_each_nested (a, data) {
		if (mnl_attr_get_type(a) == IFLA_BR_NF_CALL_IPTABLES)
			ret->nf4 = attr_flag(a);
		if (mnl_attr_get_type(a) == IFLA_BR_NF_CALL_IP6TABLES)
			ret->nf6 = attr_flag(a);
	}
}

static void read_vlan(const struct nlattr *data, struct device *ret)
{
	const struct nlattr *a;

	mnl_attr_for_each_nested (a, data)
		if (mnl_attr_get_type(a) == IFLA_VLAN_ID &&
		    mnl_attr_validate(a, MNL_TYPE_U16) >= 0)
			ret->vlan = mnl_attr_get_u16(a);
}

static void read_kind(const struct nlattr *info, struct device *ret)
{
	const struct nlattr *a, *data = NULL;

	mnl_attr_for_each_nested (a, info) {
		if (mnl_attr_get_type(a) == IFLA_INFO_KIND)
			snprintf(ret->kind, sizeof(ret->kind), "%s",
				 mnl_attr_get_str(a));
		if (mnl_attr_get_type(a) == IFLA_INFO_DATA)
			data = a;
	}
	if (data && !strcmp(ret->kind, "bridge"))
		read_bridge(data, ret);
	if (data && !strcmp(ret->kind, "vlan"))
		read_vlan(data, ret);
}

static void read_xdp(const struct nlattr *xdp, struct device *ret)
{
	const struct nlattr *a;

	mnl_attr_for_each_nested (a, xdp) {
		if (mnl_attr_get_type(a) == IFLA_XDP_DRV_PROG_ID)
			ret->xdp_native = netlink_u32(a);
		if (mnl_attr_get_type(a) == IFLA_XDP_SKB_PROG_ID)
			ret->xdp_skb = netlink_u32(a);
	}
}

static void read_device(const struct nlmsghdr *nlh, struct device *ret)
{
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *a;

	ret->ifindex = ifi->ifi_index;
	ret->flags = ifi->ifi_flags;
	ret->type = ifi->ifi_type;
	mnl_attr_for_each (a, nlh, sizeof(*ifi)) {
		switch (mnl_attr_get_type(a)) {
		case IFLA_IFNAME:
			snprintf(ret->name, sizeof(ret->name), "%s",
				 mnl_attr_get_str(a));
			break;
		case IFLA_MTU:
			ret->mtu = netlink_u32(a);
			break;
		case IFLA_LINK:
			ret->lower = (int)netlink_u32(a);
			break;
		case IFLA_MASTER:
			ret->master = (int)netlink_u32(a);
			break;
		case IFLA_ADDRESS:
			if (mnl_attr_get_payload_len(a) == sizeof(ret->mac))
				memcpy(ret->mac, mnl_attr_get_payload(a),
				       sizeof(ret->mac));
			break;
		case IFLA_LINK_NETNSID:
			ret->lower_elsewhere = true;
			break;
		case IFLA_LINKINFO:
			read_kind(a, ret);
			break;
		case IFLA_XDP:
			read_xdp(a, ret);
			break;
		}
	}
}

static int on_device(const struct nlmsghdr *nlh, void *data)
{
	struct list *l = data;
	struct device *more;

	if (nlh->nlmsg_type != RTM_NEWLINK)
		return MNL_CB_OK;
	more = reallocarray(l->devices, l->n + 1, sizeof(*more));
	if (!more) {
		l->err = -ENOMEM;
		return MNL_CB_STOP;
	}
	l->devices = more;
	memset(&more[l->n], 0, sizeof(*more));
	read_device(nlh, &more[l->n++]);
	return MNL_CB_OK;
}

/* Asks for one by name or else by index; for all if neither is given. */
static int ask(struct mnl_socket *nl, const char *name, int ifindex,
	       struct list *ret)
{
	char buf[512] __attribute__((aligned(NLMSG_ALIGNTO)));
	bool all = !name && !ifindex;
	struct nlmsghdr *nlh =
		netlink_request(buf, RTM_GETLINK, all ? NLM_F_DUMP : NLM_F_ACK);
	struct ifinfomsg *ifi;
	int err;

	ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifi));
	ifi->ifi_family = AF_UNSPEC;
	ifi->ifi_index = ifindex;
	mnl_attr_put_u32(nlh, IFLA_EXT_MASK, SKIP_STATS);
	if (name)
		mnl_attr_put_strz(nlh, IFLA_IFNAME, name);
	err = nl ? netlink_ask_at(nl, nlh, on_device, ret)
		 : netlink_ask(NETLINK_ROUTE, nlh, on_device, ret);
	if (!err)
		err = ret->err;
	if (err) {
		free(ret->devices);
		*ret = (struct list){};
	}
	return err;
}

int device_get(const char *name, int ifindex, struct device *ret)
{
	struct list l = {};
	int err;

	if (name ? !*name || strlen(name) >= IF_NAMESIZE : ifindex <= 0)
		return -ENODEV;
	err = ask(NULL, name, ifindex, &l);
	if (!err && !l.n)
		err = -ENODEV;
	if (!err)
		*ret = l.devices[0];
	free(l.devices);
	return err;
}

int device_list(struct mnl_socket *nl, struct device **ret, size_t *ret_n)
{
	struct list l = {};
	int err = ask(nl, NULL, 0, &l);

	if (err)
		return err;
	*ret = l.devices;
	*ret_n = l.n;
	return 0;
}

/* ---- what works ---- */

static const struct device *find(int ifindex, const struct device *all,
				 size_t n)
{
	size_t i;

	for (i = 0; ifindex && i < n; i++)
		if (all[i].ifindex == ifindex)
			return &all[i];
	return NULL;
}

static bool is_kind(const struct device *d, const char *kind)
{
	return d && !strcmp(d->kind, kind);
}

static bool __attribute__((format(printf, 2, 3)))
trouble(struct device_trouble *t, const char *what, ...)
{
	va_list args;

	va_start(args, what);
	vsnprintf(t->what, sizeof(t->what), what, args);
	va_end(args);
	return false;
}

static void __attribute__((format(printf, 2, 3)))
fix(struct device_trouble *t, const char *how, ...)
{
	va_list args;

	va_start(args, how);
	vsnprintf(t->fix, sizeof(t->fix), how, args);
	va_end(args);
}

static bool no_ethernet(const struct device *d, struct device_trouble *t)
{
	if (d->type == ARPHRD_LOOPBACK) {
		fix(t, "name the interface that clients' packets arrive at");
		return trouble(t,
			       "%s carries only this host's traffic to "
			       "itself",
			       d->name);
	}
	fix(t, "%s",
	    is_kind(d, "tun") ? "use a tap, or name the Ethernet interface "
				"that clients' packets arrive at"
			      : "name the Ethernet interface that clients' "
				"packets arrive at; packets in a tunnel cannot "
				"be protected");
	return trouble(t,
		       "%s is not Ethernet: its packets have no Ethernet "
		       "header",
		       d->name);
}

/* net.bridge.bridge-nf-call-*, of this network namespace. */
static bool bridge_nf(const struct device *bridge)
{
	static const char *const names[] = { "iptables", "ip6tables" };
	bool on = bridge->nf4 || bridge->nf6;
	char path[64];
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]) && !on; i++) {
		FILE *f;

		snprintf(path, sizeof(path),
			 "/proc/sys/net/bridge/bridge-nf-call-%s", names[i]);
		f = fopen(path, "re");
		on = f && fgetc(f) == '1';
		if (f)
			fclose(f);
	}
	return on;
}

bool device_works(const struct device *d, const struct device *all, size_t n,
		  struct device_trouble *t)
{
	const struct device *master = find(d->master, all, n);

	if (d->type != ARPHRD_ETHER)
		return no_ethernet(d, t);
	if (is_kind(d, "ifb")) {
		fix(t, "name the interface whose packets are redirected to "
		       "it");
		return trouble(t,
			       "XDP sees no packets on %s: they return to "
			       "the interface they came from",
			       d->name);
	}
	if (is_kind(d, "vrf")) {
		fix(t, "name the interfaces that belong to it");
		return trouble(t, "XDP sees no packets on %s: it is a VRF",
			       d->name);
	}
	/* br_netfilter drops the sockets that tc has assigned */
	if (is_kind(master, "bridge") && bridge_nf(master)) {
		fix(t,
		    "protect %s instead, or turn br_netfilter off: "
		    "sysctl -w net.bridge.bridge-nf-call-iptables=0 "
		    "net.bridge.bridge-nf-call-ip6tables=0",
		    master->name);
		return trouble(t,
			       "%s is a port of bridge %s, and "
			       "br_netfilter passes its packets to netfilter: "
			       "admitted connections would be lost",
			       d->name, master->name);
	}
	return true;
}

/* Does IP know only of @master what arrives at a port of it? */
static bool takes_over(const struct device *master)
{
	return is_kind(master, "bridge") || is_kind(master, "bond") ||
	       is_kind(master, "team");
}

int device_routed(const struct device *d, const struct device *all, size_t n)
{
	const struct device *master = find(d->master, all, n);

	if (is_kind(master, "vrf"))
		return 0;
	return takes_over(master) ? master->ifindex : d->ifindex;
}

const uint8_t *device_mac(const struct device *d, const struct device *all,
			  size_t n)
{
	const struct device *master = find(d->master, all, n);

	return takes_over(master) ? master->mac : d->mac;
}
