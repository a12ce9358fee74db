/* SPDX-License-Identifier: GPL-2.0-only */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

#include "kernel/clock.h"
#include "kernel/netlink.h"
#include "kernel/route.h"
#include "local_addrs.h"
#include "synkeeper/abi.h"

enum { GROUPS = RTMGRP_LINK | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE };

void local_addrs_init(struct local_addrs *l, int map_fd)
{
	*l = (struct local_addrs){
		.map_fd = map_fd,
		.events = netlink_open(NETLINK_ROUTE, GROUPS),
		/* unlike that of what an earlier instance left */
		.generation = clock_ns(),
	};
}

void local_addrs_free(struct local_addrs *l)
{
	if (l->events)
		mnl_socket_close(l->events);
	l->events = NULL;
}

struct list {
	const struct local_addrs *addrs;
	int err;
};

static int on_route(const struct nlmsghdr *nlh, void *data)
{
	struct list *list = data;
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);
	struct local_key key = { .prefixlen = rtm->rtm_dst_len };
	const struct nlattr *attr;

	if (rtm->rtm_table != RT_TABLE_LOCAL || rtm->rtm_type != RTN_LOCAL)
		return MNL_CB_OK;
	mnl_attr_for_each (attr, nlh, sizeof(*rtm)) {
		if (mnl_attr_get_type(attr) != RTA_DST)
			continue;
		if (rtm->rtm_family == AF_INET) {
			key.prefixlen += 96;
			key.addr[10] = key.addr[11] = 0xff;
			memcpy(&key.addr[12], mnl_attr_get_payload(attr), 4);
		} else {
			memcpy(key.addr, mnl_attr_get_payload(attr), 16);
		}
		if (bpf_map_update_elem(list->addrs->map_fd, &key,
					&list->addrs->generation, 0))
			list->err = -errno;
	}
	return MNL_CB_OK;
}

/* Entries that were not listed are no longer local. */
static void prune(const struct local_addrs *l)
{
	struct local_key key, next;
	bool more = !bpf_map_get_next_key(l->map_fd, NULL, &next);
	__u32 generation;

	while (more) {
		key = next;
		more = !bpf_map_get_next_key(l->map_fd, &key, &next);
		if (!bpf_map_lookup_elem(l->map_fd, &key, &generation) &&
		    generation != l->generation)
			bpf_map_delete_elem(l->map_fd, &key);
	}
}

static int list_all(struct local_addrs *l)
{
	struct list list = { .addrs = l };
	int err;

	l->generation++;
	err = route_dump(AF_INET, RT_TABLE_LOCAL, on_route, &list);
	if (!err)
		err = route_dump(AF_INET6, RT_TABLE_LOCAL, on_route, &list);
	if (!err)
		err = list.err;
	if (!err)
		prune(l);
	return err;
}

static int on_event(const struct nlmsghdr *nlh, void *data)
{
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);
	bool *changed = data;

	switch (nlh->nlmsg_type) {
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		*changed |= rtm->rtm_table == RT_TABLE_LOCAL;
		break;
	default:
		*changed = true;
	}
	return MNL_CB_OK;
}

/* Has anything been announced that may change the addresses? */
static bool have_changed(struct local_addrs *l)
{
	bool changed = false;

	return !l->events || !netlink_drain(l->events, on_event, &changed) ||
	       changed;
}

int local_addrs_poll(struct local_addrs *l)
{
	int err;

	if (have_changed(l))
		l->current = false;
	if (l->current)
		return 0;
	err = list_all(l);
	l->current = !err;
	return err;
}
