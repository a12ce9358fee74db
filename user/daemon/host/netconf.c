/* SPDX-License-Identifier: GPL-2.0-only */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "kernel/metrics.h"
#include "kernel/route.h"
#include "kernel/syncookies.h"
#include "log.h"
#include "netconf.h"

enum { RMEM_MAX_DEFAULT = 212992 };

long netconf_sysctl(int *err, const char *name, int nth, long fallback)
{
	char path[128], line[128];
	const char *at = line;
	long value = fallback;
	FILE *f;
	int i;

	snprintf(path, sizeof(path), "/proc/sys/net/%s", name);
	f = fopen(path, "re");
	if (!f) {
		if (errno != ENOENT && errno != EACCES)
			*err = -errno;
		return fallback;
	}
	if (fgets(line, sizeof(line), f)) {
		for (i = 0; i <= nth; i++) {
			char *end;

			value = strtol(at, &end, 10);
			if (end == at) {
				value = fallback;
				break;
			}
			at = end;
		}
	}
	fclose(f);
	return value;
}

static __u32 flag_if(int *err, const char *name, __u32 flag, long fallback)
{
	return netconf_sysctl(err, name, 0, fallback) ? flag : 0;
}

__u8 netconf_hop_limit6(const char *device)
{
	char name[64];
	int err = 0;
	long limit;

	snprintf(name, sizeof(name), "ipv6/conf/%s/hop_limit", device);
	limit = netconf_sysctl(&err, name, 0, 0);
	return limit > 0 && limit <= 255 ? (__u8)limit : 0;
}

/* The file has pairs of lines, names then values, in the same order. */
void netconf_counts(struct netconf_counts *ret)
{
	FILE *f = fopen("/proc/self/net/netstat", "re");
	char *names = NULL, *values = NULL;
	size_t names_size = 0, values_size = 0;
	static struct netconf_counts c; /* kept if it cannot be read */

	while (f && getline(&names, &names_size, f) > 0 &&
	       getline(&values, &values_size, f) > 0) {
		char *name = names, *value = values, *at;

		while ((at = strsep(&name, " \n")) && *at) {
			const char *text = strsep(&value, " \n");
			__u64 n = text ? strtoull(text, NULL, 10) : 0;

			if (!strcmp(at, "SyncookiesSent"))
				c.cookies_sent = n;
			else if (!strcmp(at, "ListenOverflows"))
				c.accept_overflows = n;
			else if (!strcmp(at, "TCPReqQFullDrop"))
				c.request_drops = n;
			else if (!strcmp(at, "TCPReqQFullDoCookies"))
				c.request_cookies = n;
		}
	}
	if (f)
		fclose(f);
	free(names);
	free(values);
	*ret = c;
}

/* Upper bound for all families together: this runs every second. */
enum { ROUTES_LOOKED_AT = 2000 };

struct window_search {
	unsigned int routes;
	bool found;
};

static bool has_window(const struct nlattr *metrics)
{
	const struct nlattr *a;
	bool found = false;

	mnl_attr_for_each_nested (a, metrics) {
		if (mnl_attr_get_type(a) == RTAX_WINDOW)
			found = true;
	}
	return found;
}

static int window_of_route(const struct nlmsghdr *nlh, void *data)
{
	struct window_search *s = data;
	const struct nlattr *attr;

	mnl_attr_for_each (attr, nlh, sizeof(struct rtmsg)) {
		if (mnl_attr_get_type(attr) == RTA_METRICS)
			s->found |= has_window(attr);
	}
	if (++s->routes == ROUTES_LOOKED_AT)
		s->found = true;
	return s->found ? MNL_CB_STOP : MNL_CB_OK;
}

/*
 * Does a route bound the window of its connections (`ip route ... window`)? The
 * kernel then chooses another scale, known to it alone. Also true if it would
 * take long to find out.
 */
static bool route_may_bound_window(void)
{
	static const __u8 families[] = { AF_INET, AF_INET6 };
	struct window_search s = {};
	int i, err = 0;

	for (i = 0; i < 2 && !err && !s.found; i++)
		err = route_dump(families[i], RT_TABLE_UNSPEC, window_of_route,
				 &s);
	return err || s.found;
}

/*
 * Do sockets label what they send unless told otherwise?
 * ip6_default_np_autolabel() of include/net/ipv6.h: OPTOUT or FORCED.
 */
static __u32 flow_labels(int *err)
{
	return netconf_sysctl(err, "ipv6/auto_flowlabels", 0, 1) & 1
		       ? SETTING_FLOW_LABEL
		       : 0;
}

static __u32 read_offer(int *err)
{
	return flow_labels(err) |
	       (netconf_sysctl(err, "ipv4/tcp_timestamps", 0, 1) == 2 &&
				!route_may_bound_window()
			? SETTING_KERNEL_TS
			: 0) |
	       flag_if(err, "ipv4/tcp_timestamps", SETTING_TS, 1) |
	       flag_if(err, "ipv4/tcp_window_scaling", SETTING_WSCALE, 1) |
	       flag_if(err, "ipv4/tcp_sack", SETTING_SACK, 1) |
	       flag_if(err, "ipv4/tcp_ecn", SETTING_ECN, 2) |
	       flag_if(err, "ipv4/tcp_reflect_tos", SETTING_REFLECT_TOS, 0) |
	       flag_if(err, "ipv4/conf/all/forwarding", SETTING_FORWARDING, 0) |
	       flag_if(err, "ipv6/conf/all/forwarding", SETTING_FORWARDING, 0);
}

int netconf_read(struct netconf *ret)
{
	int err = 0, cookies = syncookies_read();
	long rmem_top = netconf_sysctl(&err, "ipv4/tcp_rmem", 2, 6291456);
	long rmem_max =
		netconf_sysctl(&err, "core/rmem_max", 0, RMEM_MAX_DEFAULT);
	struct netconf now = { .offer = read_offer(&err) };

	now.ttl = netconf_sysctl(&err, "ipv4/ip_default_ttl", 0, 64);
	now.hop_limit =
		netconf_sysctl(&err, "ipv6/conf/default/hop_limit", 0, 64);
	now.rmem_max = rmem_top > rmem_max ? rmem_top : rmem_max;
	now.rcvbuf = netconf_sysctl(&err, "ipv4/tcp_rmem", 1, 131072);
	if (cookies < 0)
		return cookies;
	now.cookies = cookies;
	if (!err)
		*ret = now;
	return err;
}

/*
 * The kernel's initial scaling ratio makes half of a buffer window
 * (tcp_win_from_space() of include/net/tcp.h).
 */
struct netconf_window netconf_window(const struct netconf *n, __u32 rcvbuf,
				     bool locked, __u32 clamp)
{
	struct netconf_window ret = { .bytes = rcvbuf / 2 };
	__u32 most = n->rmem_max;

	if (locked && (!clamp || clamp > ret.bytes))
		clamp = ret.bytes;
	if (most < ret.bytes)
		most = ret.bytes;
	if (clamp) {
		if (ret.bytes > clamp)
			ret.bytes = clamp;
		if (most > clamp)
			most = clamp;
	}
	ret.scale = metrics_window_scale(most);
	return ret;
}
