/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: checks of the interface and its driver. Failures are an
 * interface that does not exist, one on which Synkeeper cannot work (device.h),
 * and one with a foreign XDP program; everything else has a slower alternative.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <limits.h>
#include <linux/if_link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "kernel/ethtool.h"
#include "kernel/links.h"

/* ONE_BUFFER_MTU: what XDP's headroom and skb_shared_info leave of a page. */
enum { ONE_BUFFER_MTU = 3500, IPV6_MIN_MTU = 1280 };

void check_driver(struct check *c)
{
	char driver[32];

	check_add(c, "driver", CHECK_OK, NULL, "%s",
		  ethtool_driver(c->name, driver, sizeof(driver)));
}

void check_native(struct check *c)
{
	if (c->xdp_err)
		check_add(c, "native XDP", CHECK_WARN,
			  "synkeeperd tries native mode first and reports the "
			  "result",
			  "unknown: this kernel does not report it (%s)",
			  strerror(-c->xdp_err));
	else if (c->xdp.features & CHECK_XDP_BASIC)
		check_add(c, "native XDP", CHECK_OK, NULL,
			  "supported by the driver");
	else
		check_add(c, "native XDP", CHECK_WARN,
			  "skb mode will be used, which is several times "
			  "slower in a flood; use a NIC or driver with native "
			  "XDP",
			  "not supported by the driver");
}

/* Is @id attached by a link that is pinned in our pin directory? */
static bool is_this_instance(const struct check *c, __u32 id)
{
	char path[PATH_MAX];
	__u32 prog = 0;
	int fd;

	snprintf(path, sizeof(path), "%s/links/xdp_%d", c->cmd->pin_dir,
		 c->link.ifindex);
	fd = bpf_obj_get(path);
	if (fd < 0)
		return false;
	link_ifindex(fd, &prog);
	close(fd);
	return prog == id;
}

static void check_program(struct check *c,
			  const struct bpf_xdp_query_opts *there)
{
	const char *mode = there->attach_mode == XDP_ATTACHED_SKB  ? "skb"
			   : there->attach_mode == XDP_ATTACHED_HW ? "hardware"
								   : "native";
	char name[LINKS_NAME_LEN], holder[LINKS_HOLDER_LEN], fix[256];
	__u32 id = there->prog_id;
	bool ours;

	program_name(id, name);
	ours = program_is_ours(name);
	program_holder(id, c->link.ifindex, holder);
	snprintf(fix, sizeof(fix),
		 ours ? "synkeeperd takes it over unless a bpf_link holds it; "
			"then end that instance first (synkeeper --pin-dir DIR "
			"--control PATH down)"
		      : "synkeeperd will refuse to start: detach it (ip link "
			"set dev %s xdp off), or start synkeeperd with "
			"--replace",
		 c->name);
	if (ours && is_this_instance(c, id))
		check_add(c, "attached program", CHECK_OK, NULL,
			  "%s, id %u, %s mode", name, id, mode);
	else
		check_add(c, "attached program", ours ? CHECK_WARN : CHECK_FAIL,
			  fix, "%s, id %u, %s mode, held by %s", name, id, mode,
			  holder);
}

void check_attached(struct check *c)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, opts);
	int err = bpf_xdp_query(c->link.ifindex, 0, &opts);

	c->native = !err && opts.attach_mode == XDP_ATTACHED_DRV;
	if (err)
		check_add(c, "attached program", CHECK_WARN, "run as root",
			  "unknown: %s", strerror(-err));
	else if (opts.attach_mode == XDP_ATTACHED_NONE)
		check_add(c, "attached program", CHECK_OK, NULL, "none");
	else if (opts.attach_mode == XDP_ATTACHED_MULTI)
		check_add(c, "attached program", CHECK_WARN,
			  "remove them, or start synkeeperd with --replace",
			  "several, in different modes");
	else
		check_program(c, &opts);
}

/* The tc programs of one direction: ours should come first. */
static void check_tc_way(struct check *c, const char *what, int type)
{
	struct tcx_programs p;
	char name[LINKS_NAME_LEN], first[LINKS_NAME_LEN] = "";
	bool ours = false;
	__u32 i;
	int err = tcx_query(c->link.ifindex, type, &p);

	if (err == -EINVAL) /* no tcx: the daemon checks the filters */
		return;
	if (err) {
		check_add(c, what, CHECK_WARN, "run as root", "unknown: %s",
			  strerror(-err));
		return;
	}
	for (i = 0; i < p.n && !ours; i++) {
		program_name(p.ids[i], name);
		ours = program_is_ours(name);
		if (!i)
			memcpy(first, name, sizeof(first));
	}
	if (ours && i > 1)
		check_add(c, what, CHECK_WARN,
			  "Synkeeper's program does not see what it accepts: "
			  "detach it, or attach it after Synkeeper's",
			  "%s, id %u, runs before Synkeeper's program", first,
			  p.ids[0]);
	else if (ours)
		check_add(c, what, CHECK_OK, NULL,
			  "Synkeeper's program runs first");
	else if (p.n)
		check_add(c, what, CHECK_OK, NULL,
			  "%s, id %u: synkeeperd will attach before it", first,
			  p.ids[0]);
	else
		check_add(c, what, CHECK_OK, NULL, "no program");
}

void check_tc(struct check *c)
{
	check_tc_way(c, "tc ingress", LINKS_TCX_INGRESS);
	check_tc_way(c, "tc egress", LINKS_TCX_EGRESS);
}

/* Is there a VLAN interface on @name? Then its tags matter. */
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

/* Does @driver refuse native XDP while the NIC merges segments? */
static bool refuses(const char *driver, const char *feature)
{
	if (!strcmp(driver, "mlx5_core"))
		return true;
	return !strcmp(driver, "ixgbe") && !strcmp(feature, "rx-lro");
}

/* The other drivers turn it off themselves, or do not support it. */
void check_merging(struct check *c)
{
	static const struct {
		const char *what, *feature, *option;
	} table[] = {
		{ "LRO", "rx-lro", "lro" },
		{ "hardware GRO", "rx-gro-hw", "rx-gro-hw" },
	};
	char driver[32], fix[128];
	size_t i;

	ethtool_driver(c->name, driver, sizeof(driver));
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		bool on = ethtool_feature(c->name, table[i].feature);

		snprintf(fix, sizeof(fix),
			 "%s refuses native XDP while it is on: ethtool -K %s "
			 "%s off",
			 driver, c->name, table[i].option);
		check_add(c, table[i].what,
			  on && !c->native && refuses(driver, table[i].feature)
				  ? CHECK_WARN
				  : CHECK_OK,
			  fix, "%s", on ? "on" : "off");
	}
}

/* One queue is served by one CPU, however many CPUs there are. */
void check_queues(struct check *c)
{
	unsigned int used, most;
	char fix[128];
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	bool more;

	if (ethtool_channels(c->name, &used, &most) || !used)
		return;
	more = used == 1 && most > 1 && cpus > 1;
	snprintf(fix, sizeof(fix),
		 "only one CPU processes a flood: see ethtool -l %s, add "
		 "queues with -L",
		 c->name);
	check_add(c, "RX queues", more ? CHECK_WARN : CHECK_OK, fix,
		  "%u of %u in use", used, most > used ? most : used);
}

void check_vlan(struct check *c)
{
	bool stripped = ethtool_feature(c->name, "rx-vlan-hw-parse");
	bool vlans = carries_vlans(c->name);
	char fix[128];

	snprintf(fix, sizeof(fix),
		 "XDP does not see the tags, and SYN-ACKs leave untagged: "
		 "ethtool -K %s rxvlan off",
		 c->name);
	check_add(c, "VLAN tags", stripped && vlans ? CHECK_WARN : CHECK_OK,
		  fix, "%s by the NIC; %s VLAN interface on %s",
		  stripped ? "stripped" : "not stripped", vlans ? "a" : "no",
		  c->name);
}

void check_mtu(struct check *c)
{
	unsigned int mtu = c->link.mtu;
	bool large = mtu > ONE_BUFFER_MTU;
	bool fits = !large || c->xdp_err || c->xdp.features & CHECK_XDP_RX_SG;

	if (mtu < IPV6_MIN_MTU)
		check_add(c, "MTU", CHECK_WARN,
			  "IPv6 requires 1280: raise it if the link supports "
			  "that",
			  "%u", mtu);
	else
		check_add(c, "MTU", fits ? CHECK_OK : CHECK_WARN,
			  "the driver may refuse native mode: lower the MTU to "
			  "3500, or accept skb mode",
			  "%u%s", mtu,
			  !large ? ""
			  : fits ? ", in several buffers"
				 : ", but the driver supports XDP on single "
				   "buffers only");
}

/*
 * Frames that XDP_TX sends over a veth in native mode need a program at the
 * other end: Linux drops them, or leaves them in the ring.
 */
void check_veth(struct check *c)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, opts);
	static const char fix[] =
		"SYN-ACKs arrive only if the peer has an XDP program in native "
		"mode, even one that passes everything; mode = auto or skb "
		"does without";

	if (strcmp(c->link.kind, "veth") != 0)
		return;
	if (!c->native)
		check_add(c, "veth peer", CHECK_OK, NULL,
			  "needs nothing: skb mode is used, unless mode = "
			  "native");
	else if (c->link.lower_elsewhere)
		check_add(c, "veth peer", CHECK_WARN, fix,
			  "in another network namespace, not visible from "
			  "here");
	else if (!c->link.lower || bpf_xdp_query(c->link.lower, 0, &opts))
		check_add(c, "veth peer", CHECK_WARN, fix, "unknown");
	else if (opts.attach_mode == XDP_ATTACHED_DRV)
		check_add(c, "veth peer", CHECK_OK, NULL, "has an XDP program");
	else
		check_add(c, "veth peer", CHECK_FAIL, fix,
			  "has no XDP program in native mode");
}

/* Reports what the daemon would refuse, by the same function. */
void check_device(struct check *c)
{
	struct device_trouble t;
	struct device *all;
	size_t n;
	int err;

	if (c->link_err)
		return;
	err = device_list(NULL, &all, &n);
	if (err) {
		check_add(c, "device", CHECK_WARN, "try again", "unknown: %s",
			  strerror(-err));
		return;
	}
	if (!device_works(&c->link, all, n, &t))
		check_add(c, "device", CHECK_FAIL, t.fix, "%s", t.what);
	else
		check_add(c, "device", CHECK_OK, NULL, "%s",
			  c->link.kind[0] ? c->link.kind : "hardware");
	free(all);
}

void check_interface(struct check *c)
{
	char fix[64];

	snprintf(fix, sizeof(fix), "ip link set %s up", c->name);
	if (c->link_err)
		check_add(c, "interface", CHECK_FAIL,
			  c->link_err == -ENODEV ? "ip -br link lists the "
						   "interfaces"
						 : NULL,
			  "%s: %s", c->name, strerror(-c->link_err));
	else if (!(c->link.flags & IFF_UP))
		check_add(c, "interface", CHECK_WARN, fix, "%s is down",
			  c->name);
	else
		check_add(c, "interface", CHECK_OK, NULL, "%s is up", c->name);
}
