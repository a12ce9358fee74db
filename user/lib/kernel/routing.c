/* SPDX-License-Identifier: GPL-2.0-only */
#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "array.h"
#include "netlink.h"
#include "route.h"
#include "routing.h"

/* ---- routes ---- */

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
			r->advmss = (__u16)netlink_u32(a);
			break;
		case RTAX_MTU:
			r->mtu = (__u16)netlink_u32(a);
			break;
		case RTAX_HOPLIMIT:
			r->hop_limit = (__u8)netlink_u32(a);
			break;
		case RTAX_INITRWND: /* more than the field holds: all */
			r->initrwnd = netlink_u32(a) < 0xffff ? netlink_u32(a)
							      : 0xffff;
			break;
		case RTAX_WINDOW:
			r->window = netlink_u32(a);
			break;
		case RTAX_FEATURES:
			r->ecn = netlink_u32(a) & RTAX_FEATURE_ECN;
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
			netlink_addr(a, r->dst);
			break;
		case RTA_GATEWAY:
			r->via_family = rtm->rtm_family;
			netlink_addr(a, r->via);
			break;
		case RTA_VIA:
			take_via(a, r);
			break;
		case RTA_OIF:
			r->device = (int)netlink_u32(a);
			break;
		case RTA_PRIORITY:
			r->priority = netlink_u32(a);
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

static int append(const struct nlmsghdr *nlh, struct route **all, size_t *n,
		  size_t *room)
{
	struct route *more = array_grow(*all, *n, room, sizeof(*more));

	if (!more) {
		errno = ENOMEM;
		return MNL_CB_ERROR;
	}
	*all = more;
	read_route(nlh, &more[(*n)++]);
	return MNL_CB_OK;
}

static int on_route(const struct nlmsghdr *nlh, void *data)
{
	struct routing *r = data;

	if (nlh->nlmsg_type != RTM_NEWROUTE)
		return MNL_CB_OK;
	if (r->n == ROUTES_MAX) {
		r->complete = false;
		return MNL_CB_STOP;
	}
	/* nothing is there unless somebody has plans with it */
	if (((struct rtmsg *)mnl_nlmsg_get_payload(nlh))->rtm_table ==
	    RT_TABLE_DEFAULT)
		r->plain_rules = false;
	return append(nlh, &r->routes, &r->n, &r->room);
}

/* ---- where rules lead ---- */

size_t routing_leads(const struct rules *r, size_t i)
{
	size_t first = 0;

	while (first < i && (r->all[first].table != r->all[i].table ||
			     r->all[first].suppress != r->all[i].suppress))
		first++;
	return first;
}

struct ruled_dump {
	struct routing *r;
	__u8 rule;
};

static int on_ruled(const struct nlmsghdr *nlh, void *data)
{
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);
	struct ruled_dump *d = data;
	struct routing *r = d->r;

	if (nlh->nlmsg_type != RTM_NEWROUTE ||
	    rtm->rtm_dst_len <= r->rules.all[d->rule].suppress)
		return MNL_CB_OK;
	if (r->n_ruled == ROUTES_MAX) {
		r->rules.unknown = "there are more than 4,096 routes";
		return MNL_CB_STOP;
	}
	if (append(nlh, &r->ruled, &r->n_ruled, &r->ruled_room) == MNL_CB_ERROR)
		return MNL_CB_ERROR;
	r->ruled[r->n_ruled - 1].rule = d->rule;
	return MNL_CB_OK;
}

static int read_ruled(__u8 family, struct routing *r)
{
	struct ruled_dump d = { .r = r };
	int err = 0;

	for (; !err && !r->rules.unknown && d.rule < r->rules.n; d.rule++)
		if (routing_leads(&r->rules, d.rule) == d.rule)
			err = route_dump(family, r->rules.all[d.rule].table,
					 on_ruled, &d);
	return err;
}

int routing_read(__u8 family, struct routing *ret)
{
	struct routing now = { .complete = true };
	int err = rules_read(family, &now.rules);

	now.plain_rules = now.rules.plain;
	if (!err)
		err = route_dump(family, RT_TABLE_MAIN, on_route, &now);
	if (!err && now.complete && family == AF_INET)
		err = route_dump(family, RT_TABLE_DEFAULT, on_route, &now);
	if (!err && !now.plain_rules)
		err = read_ruled(family, &now);
	if (err) {
		routing_free(&now);
		return err;
	}
	routing_free(ret);
	*ret = now;
	return 0;
}

void routing_free(struct routing *r)
{
	free(r->routes);
	free(r->ruled);
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
