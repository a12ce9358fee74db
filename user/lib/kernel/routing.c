/* SPDX-License-Identifier: GPL-2.0-only */
#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "array.h"
#include "netlink.h"
#include "route.h"
#include "routing.h"

/* ---- rules ---- */

static __u32 attr_u32(const struct nlattr *a)
{
	return mnl_attr_validate(a, MNL_TYPE_U32) < 0 ? 0 : mnl_attr_get_u32(a);
}

/* Is it one of those that fib_default_rules_init() makes? */
static bool is_default(const struct nlmsghdr *nlh)
{
	const struct fib_rule_hdr *rule = mnl_nlmsg_get_payload(nlh);
	__u32 priority = 0, table = rule->table;
	const struct nlattr *a;

	mnl_attr_for_each (a, nlh, sizeof(*rule)) {
		switch (mnl_attr_get_type(a)) {
		case FRA_TABLE:
			table = attr_u32(a);
			break;
		case FRA_PRIORITY:
			priority = attr_u32(a);
			break;
		case FRA_SUPPRESS_PREFIXLEN:
			if (attr_u32(a) != (__u32)-1)
				return false;
			break;
		case FRA_PROTOCOL:
			break;
		default:
			return false;
		}
	}
	if (rule->src_len || rule->dst_len || rule->tos ||
	    rule->action != FR_ACT_TO_TBL || rule->flags & FIB_RULE_INVERT)
		return false;
	return priority == 0	   ? table == RT_TABLE_LOCAL
	       : priority == 32766 ? table == RT_TABLE_MAIN
	       : priority == 32767 ? table == RT_TABLE_DEFAULT
				   : false;
}

static int on_rule(const struct nlmsghdr *nlh, void *data)
{
	bool *plain = data;

	if (nlh->nlmsg_type == RTM_NEWRULE && !is_default(nlh))
		*plain = false;
	return MNL_CB_OK;
}

static int read_rules(__u8 family, bool *ret_plain)
{
	char buf[256] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct nlmsghdr *nlh = netlink_request(buf, RTM_GETRULE, NLM_F_DUMP);
	struct fib_rule_hdr *rule =
		mnl_nlmsg_put_extra_header(nlh, sizeof(*rule));

	rule->family = family;
	*ret_plain = true;
	return netlink_ask(NETLINK_ROUTE, nlh, on_rule, ret_plain);
}

/* ---- routes ---- */

static void take_addr(const struct nlattr *a, __u8 ret[16])
{
	size_t len = mnl_attr_get_payload_len(a);

	memcpy(ret, mnl_attr_get_payload(a), len < 16 ? len : 16);
}

static void take_via(const struct nlattr *a, struct route *r)
{
	const struct rtvia *via = mnl_attr_get_payload(a);
	size_t len = mnl_attr_get_payload_len(a);

	if (len < sizeof(*via) || len > sizeof(*via) + 16)
		return;
	r->via_family = (__u8)via->rtvia_family;
	memcpy(r->via, via->rtvia_addr, len - sizeof(*via));
}

/* ip_metrics_convert() of net/ipv4/metrics.c has bounded the values. */
static void take_metrics(const struct nlattr *metrics, struct route *r)
{
	const struct nlattr *a;

	mnl_attr_for_each_nested (a, metrics) {
		switch (mnl_attr_get_type(a)) {
		case RTAX_ADVMSS:
			r->advmss = (__u16)attr_u32(a);
			break;
		case RTAX_MTU:
			r->mtu = (__u16)attr_u32(a);
			break;
		case RTAX_HOPLIMIT:
			r->hop_limit = (__u8)attr_u32(a);
			break;
		case RTAX_INITRWND: /* more than the field holds: all */
			r->initrwnd = attr_u32(a) < 0xffff ? attr_u32(a)
							   : 0xffff;
			break;
		case RTAX_WINDOW:
			r->window = attr_u32(a);
			break;
		case RTAX_FEATURES:
			r->ecn = attr_u32(a) & RTAX_FEATURE_ECN;
			break;
		}
	}
}

static void read_route(const struct nlmsghdr *nlh, struct route *r)
{
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *a;

	*r = (struct route){
		.len = rtm->rtm_dst_len,
		.type = rtm->rtm_type,
		.protocol = rtm->rtm_protocol,
		.odd = rtm->rtm_flags & (RTNH_F_DEAD | RTNH_F_LINKDOWN) ||
		       rtm->rtm_tos || rtm->rtm_src_len,
	};
	mnl_attr_for_each (a, nlh, sizeof(*rtm)) {
		switch (mnl_attr_get_type(a)) {
		case RTA_DST:
			take_addr(a, r->dst);
			break;
		case RTA_GATEWAY:
			r->via_family = rtm->rtm_family;
			take_addr(a, r->via);
			break;
		case RTA_VIA:
			take_via(a, r);
			break;
		case RTA_OIF:
			r->device = (int)attr_u32(a);
			break;
		case RTA_PRIORITY:
			r->priority = attr_u32(a);
			break;
		case RTA_METRICS:
			take_metrics(a, r);
			break;
		case RTA_ENCAP_TYPE:
			r->odd = true;
			break;
		}
	}
}

static int on_route(const struct nlmsghdr *nlh, void *data)
{
	struct routing *r = data;
	struct route *more;

	if (nlh->nlmsg_type != RTM_NEWROUTE)
		return MNL_CB_OK;
	if (r->n == ROUTES_MAX) {
		r->complete = false;
		return MNL_CB_STOP;
	}
	more = array_grow(r->routes, r->n, &r->room, sizeof(*more));
	if (!more) {
		errno = ENOMEM;
		return MNL_CB_ERROR;
	}
	r->routes = more;
	/* nothing is there unless somebody has plans with it */
	if (((struct rtmsg *)mnl_nlmsg_get_payload(nlh))->rtm_table ==
	    RT_TABLE_DEFAULT)
		r->plain_rules = false;
	read_route(nlh, &r->routes[r->n++]);
	return MNL_CB_OK;
}

int routing_read(__u8 family, struct routing *ret)
{
	struct routing now = { .complete = true };
	int err = read_rules(family, &now.plain_rules);

	if (!err)
		err = route_dump(family, RT_TABLE_MAIN, on_route, &now);
	if (!err && now.complete && family == AF_INET)
		err = route_dump(family, RT_TABLE_DEFAULT, on_route, &now);
	if (err) {
		free(now.routes);
		return err;
	}
	routing_free(ret);
	*ret = now;
	return 0;
}

void routing_free(struct routing *r)
{
	free(r->routes);
	*r = (struct routing){};
}

/* ---- neighbours ---- */

enum {
	NEIGH_VALID = NUD_PERMANENT | NUD_NOARP | NUD_REACHABLE | NUD_PROBE |
		      NUD_STALE | NUD_DELAY, /* as include/net/neighbour.h */
};

struct neighbour {
	__u8 *mac;
	bool found;
};

static int on_neighbour(const struct nlmsghdr *nlh, void *data)
{
	const struct ndmsg *ndm = mnl_nlmsg_get_payload(nlh);
	struct neighbour *ret = data;
	const struct nlattr *a;

	if (nlh->nlmsg_type != RTM_NEWNEIGH || !(ndm->ndm_state & NEIGH_VALID))
		return MNL_CB_OK;
	mnl_attr_for_each (a, nlh, sizeof(*ndm)) {
		if (mnl_attr_get_type(a) != NDA_LLADDR ||
		    mnl_attr_get_payload_len(a) != 6)
			continue;
		memcpy(ret->mac, mnl_attr_get_payload(a), 6);
		ret->found = true;
	}
	return MNL_CB_OK;
}

int routing_neighbour(struct mnl_socket *nl, __u8 family, int device,
		      const __u8 addr[16], __u8 ret[6])
{
	char buf[256] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct nlmsghdr *nlh = netlink_request(buf, RTM_GETNEIGH, NLM_F_ACK);
	struct ndmsg *ndm = mnl_nlmsg_put_extra_header(nlh, sizeof(*ndm));
	struct neighbour n = { .mac = ret };
	int err;

	ndm->ndm_family = family;
	ndm->ndm_ifindex = device;
	mnl_attr_put(nlh, NDA_DST, family == AF_INET ? 4 : 16, addr);
	err = netlink_ask_at(nl, nlh, on_neighbour, &n);
	return err ? err : n.found ? 0 : -ENOENT;
}
