/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: what the interface and its driver are like, see
 * check.h. Only two findings fail: an interface that is not there, and one
 * that has no Ethernet header; everything else has a slower way.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/if_link.h>
#include <linux/sockios.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "check.h"
#include "pins.h"

/* What of a page XDP's headroom and the kernel's tail leave to a packet. */
enum { ONE_BUFFER_MTU = 3500 };

static int ethtool(const char *name, void *command)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), err = 0;
	struct ifreq ifr = {};

	if (fd < 0)
		return -errno;
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	ifr.ifr_data = command;
	if (ioctl(fd, SIOCETHTOOL, &ifr))
		err = -errno;
	close(fd);
	return err;
}

static void check_driver(json_t *findings, const char *name)
{
	struct ethtool_drvinfo info = { .cmd = ETHTOOL_GDRVINFO };

	if (ethtool(name, &info))
		check_add(findings, "driver", CHECK_OK, NULL, "unknown");
	else
		check_add(findings, "driver", CHECK_OK, NULL, "%.*s",
			  (int)sizeof(info.driver), info.driver);
}

static void check_native(json_t *findings, const struct check_xdp *xdp, int err)
{
	if (err)
		check_add(findings, "native XDP", CHECK_WARN,
			  "synkeeperd tries native mode first and says how it "
			  "went",
			  "unknown: the kernel does not tell (%s)",
			  strerror(-err));
	else if (xdp->features & CHECK_XDP_BASIC)
		check_add(findings, "native XDP", CHECK_OK, NULL,
			  "supported by the driver");
	else
		check_add(findings, "native XDP", CHECK_WARN,
			  "skb mode will be used, several times slower in a "
			  "flood; a NIC or driver with native XDP mends it",
			  "not supported by the driver");
}

static void check_attached(json_t *findings, int ifindex)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, opts);
	char name[PINS_NAME_LEN];
	int err = bpf_xdp_query(ifindex, 0, &opts);

	if (err) {
		check_add(findings, "attached program", CHECK_WARN,
			  "run as root", "unknown: %s", strerror(-err));
	} else if (opts.attach_mode == XDP_ATTACHED_NONE) {
		check_add(findings, "attached program", CHECK_OK, NULL, "none");
	} else if (opts.attach_mode == XDP_ATTACHED_MULTI) {
		check_add(findings, "attached program", CHECK_WARN,
			  "remove them, or start synkeeperd with --replace",
			  "several, in several modes");
	} else {
		int fd = bpf_prog_get_fd_by_id(opts.prog_id);
		bool ours = pins_is_ours(fd, name);

		if (fd >= 0)
			close(fd);
		check_add(findings, "attached program",
			  ours ? CHECK_OK : CHECK_WARN,
			  "synkeeperd does not replace it, unless started with "
			  "--replace",
			  "%s, id %u, %s mode", name, opts.prog_id,
			  opts.attach_mode == XDP_ATTACHED_SKB	? "skb"
			  : opts.attach_mode == XDP_ATTACHED_HW ? "hardware"
								: "native");
	}
}

/* Does a VLAN interface stand on @name? Its tags matter then. */
static bool carries_vlans(const char *name)
{
	char line[256], under[IF_NAMESIZE];
	FILE *f = fopen("/proc/net/vlan/config", "re");
	bool found = false;

	if (!f)
		return false;
	while (!found && fgets(line, sizeof(line), f))
		found = sscanf(line, "%*[^|]|%*[^|]| %15s", under) == 1 &&
			!strcmp(under, name);
	fclose(f);
	return found;
}

static void check_vlan(json_t *findings, const char *name,
		       const struct check_xdp *xdp)
{
	struct ethtool_value flags = { .cmd = ETHTOOL_GFLAGS };
	bool stripped = !ethtool(name, &flags) && flags.data & ETH_FLAG_RXVLAN;
	bool told = xdp->rx_metadata & CHECK_XDP_RX_VLAN &&
		    check_kfunc("bpf_xdp_metadata_rx_vlan_tag");
	bool vlans = carries_vlans(name);
	char mend[128];

	snprintf(mend, sizeof(mend),
		 "XDP does not see the tags, and answers leave without: "
		 "ethtool -K %s rxvlan off",
		 name);
	check_add(findings, "VLAN tags",
		  stripped && vlans ? CHECK_WARN : CHECK_OK, mend,
		  "%s by the NIC%s; %s VLAN interface on %s",
		  stripped ? "stripped" : "not stripped",
		  told ? ", which can tell them to XDP" : "",
		  vlans ? "a" : "no", name);
}

static void check_mtu(json_t *findings, unsigned int mtu,
		      const struct check_xdp *xdp, bool known)
{
	bool large = mtu > ONE_BUFFER_MTU;
	bool fits = !large || !known || xdp->features & CHECK_XDP_RX_SG;

	check_add(findings, "MTU", fits ? CHECK_OK : CHECK_WARN,
		  "native mode may be refused: lower the MTU to 3500, or live "
		  "with skb mode",
		  "%u%s", mtu,
		  !large ? ""
		  : fits ? ", in several buffers"
			 : ", but the driver gives XDP one buffer only");
}

/* Frames that XDP_TX sends out of a veth need a program at the other end. */
static void check_veth(json_t *findings, const struct check_link *link)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, opts);
	static const char mend[] =
		"answers only arrive if an XDP program, if only one that "
		"passes all, is attached in native mode to the peer";

	if (link->peer_elsewhere)
		check_add(
			findings, "veth peer", CHECK_WARN, mend,
			"in another network namespace, not visible from here");
	else if (!link->peer || bpf_xdp_query(link->peer, 0, &opts))
		check_add(findings, "veth peer", CHECK_WARN, mend, "unknown");
	else if (opts.attach_mode == XDP_ATTACHED_DRV)
		check_add(findings, "veth peer", CHECK_OK, NULL,
			  "has an XDP program");
	else
		check_add(findings, "veth peer", CHECK_WARN, mend,
			  "has no XDP program in native mode");
}

static void check_up(json_t *findings, const char *name,
		     const struct check_link *link)
{
	char mend[64];

	snprintf(mend, sizeof(mend), "ip link set %s up", name);
	if (link->type != ARPHRD_ETHER)
		check_add(findings, "interface", CHECK_FAIL,
			  "name the Ethernet interface that its packets arrive "
			  "at",
			  "%s is not Ethernet", name);
	else if (!(link->flags & IFF_UP))
		check_add(findings, "interface", CHECK_WARN, mend, "%s is down",
			  name);
	else
		check_add(findings, "interface", CHECK_OK, NULL, "%s is up",
			  name);
}

void check_iface(json_t *findings, const char *name)
{
	struct check_xdp xdp = {};
	struct check_link link;
	int err;

	err = check_link_get(name, &link);
	if (err) {
		check_add(findings, "interface", CHECK_FAIL,
			  err == -ENODEV ? "ip -br link shows those there are"
					 : NULL,
			  "%s: %s", name, strerror(-err));
		return;
	}
	check_up(findings, name, &link);
	if (link.type != ARPHRD_ETHER)
		return;
	check_driver(findings, name);
	err = check_xdp_get(link.ifindex, &xdp);
	check_native(findings, &xdp, err);
	check_attached(findings, link.ifindex);
	check_mtu(findings, link.mtu, &xdp, !err);
	check_vlan(findings, name, &xdp);
	if (!strcmp(link.kind, "veth"))
		check_veth(findings, &link);
}
