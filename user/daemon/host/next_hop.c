/* SPDX-License-Identifier: GPL-2.0-only */
#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "kernel/clock.h"
#include "kernel/forwarding.h"
#include "kernel/hop.h"
#include "kernel/netlink.h"
#include "log.h"
#include "loop/timer.h"
#include "netconf.h"
#include "next_hop.h"

enum {
	GROUPS = RTMGRP_LINK | RTMGRP_NEIGH | RTMGRP_IPV4_ROUTE |
		 RTMGRP_IPV6_ROUTE | RTMGRP_IPV4_RULE |
		 1 << (RTNLGRP_IPV6_RULE - 1),
	READ_SHARE = 50, /* of the time between two */
	LOOK_MS = 20,
};

void next_hops_init(struct next_hops *h, struct settings *settings,
		    const struct route_metrics_maps *maps)
{
	*h = (struct next_hops){
		.settings = settings,
		.metrics = *maps,
		.events = netlink_open(NETLINK_ROUTE, GROUPS),
		.nl = netlink_open(NETLINK_ROUTE, 0),
	};
}

void next_hops_free(struct next_hops *h)
{
	sd_event_source_disable_unref(h->io);
	timer_free(h->timer);
	routing_free(&h->v4);
	routing_free(&h->v6);
	if (h->events)
		mnl_socket_close(h->events);
	if (h->nl)
		mnl_socket_close(h->nl);
	*h = (struct next_hops){};
}

/* ---- changes ---- */

struct news {
	const struct route *gateways[2];
	bool routes, gateway;
};

static void on_neighbour(struct news *news, const struct nlmsghdr *nlh)
{
	const struct ndmsg *ndm = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *a;
	int i;

	mnl_attr_for_each (a, nlh, sizeof(*ndm)) {
		size_t len = mnl_attr_get_payload_len(a);

		if (mnl_attr_get_type(a) != NDA_DST || len > 16)
			continue;
		for (i = 0; i < 2; i++)
			if (news->gateways[i] &&
			    news->gateways[i]->via_family == ndm->ndm_family &&
			    !memcmp(news->gateways[i]->via,
				    mnl_attr_get_payload(a), len))
				news->gateway = true;
	}
}

static int on_event(const struct nlmsghdr *nlh, void *data)
{
	struct news *news = data;

	if (nlh->nlmsg_type == RTM_NEWNEIGH || nlh->nlmsg_type == RTM_DELNEIGH)
		on_neighbour(news, nlh);
	else
		news->routes = true;
	return MNL_CB_OK;
}

/* Empties the socket. Returns whether anything concerns us. */
static bool drain(struct next_hops *h)
{
	struct news news = {
		.gateways = { hop_default(&h->v4), hop_default(&h->v6) },
	};

	if (!h->events || !netlink_drain(h->events, on_event, &news))
		news.routes = true; /* some were lost */
	if (news.routes)
		h->current = false;
	return news.routes || news.gateway;
}

/* ---- what is there ---- */

static void read_all(struct next_hops *h)
{
	__u64 start = clock_ns();
	int err;

	err = routing_read(AF_INET, &h->v4);
	if (!err)
		err = routing_read(AF_INET6, &h->v6);
	if (err == -EAFNOSUPPORT || err == -EOPNOTSUPP)
		err = 0; /* no IPv6 */
	if (!err)
		route_metrics_write(&h->metrics, &h->v4, &h->v6);
	h->current = !err;
	h->read_ns = clock_ns();
	h->next_ns = h->read_ns + READ_SHARE * (h->read_ns - start);
}

static void raise_forwarding(struct next_hops *h, bool v6)
{
	const char *name = v6 ? FORWARDING6_NAME : FORWARDING4_NAME;
	int err = forwarding_raise(h->settings, v6);

	if (err > 0)
		log_info("%s: 0 -> 1: needed to ask the kernel for routes, "
			 "forwards nothing, restored by `down`",
			 name);
	if (err < 0 && err != -ENOENT && !h->told[v6])
		log_warn("%s: cannot be set: %s: answers go to whom SYNs come "
			 "from, except through the default gateway",
			 name, strerror(-err));
	h->told[v6] = err < 0;
}

void next_hops_poll(struct next_hops *h)
{
	drain(h);
	if (!h->current && clock_ns() >= h->next_ns)
		read_all(h);
	if (hop_is_needed(&h->v4, AF_INET))
		raise_forwarding(h, false);
	if (hop_is_needed(&h->v6, AF_INET6) && hop_may_forward6(&h->v6))
		raise_forwarding(h, true);
}

void next_hops_restore(struct next_hops *h)
{
	unsigned int done = forwarding_restore(h->settings);

	if (done & FORWARDING_RAISED4)
		log_info("%s: restored to 0", FORWARDING4_NAME);
	if (done & FORWARDING_RAISED6)
		log_info("%s: restored to 0", FORWARDING6_NAME);
}

/* ---- following it ---- */

/* Reads once more than enough time has passed, and has the maps written. */
static void look(struct next_hops *h)
{
	__u64 now = clock_ns();

	if (!h->current && now < h->next_ns) {
		timer_set(h->timer, (h->next_ns - now) / 1000 + 1);
		return;
	}
	h->changed(h->data);
	sd_event_source_set_enabled(h->io, SD_EVENT_ON);
}

static int on_timer(sd_event_source *source, uint64_t when, void *data)
{
	(void)source;
	(void)when;
	drain(data);
	look(data);
	return 0;
}

static int on_news(sd_event_source *source, int fd, uint32_t revents,
		   void *data)
{
	struct next_hops *h = data;

	(void)fd;
	(void)revents;
	if (!drain(h))
		return 0;
	/* what follows at once is part of the same change */
	sd_event_source_set_enabled(source, SD_EVENT_OFF);
	timer_set(h->timer, LOOK_MS * 1000);
	return 0;
}

int next_hops_watch(struct next_hops *h, sd_event *loop,
		    void (*changed)(void *data), void *data)
{
	int err;

	h->changed = changed;
	h->data = data;
	if (!h->events) /* read on every poll */
		return 0;
	err = timer_add(loop, &h->timer, TIMER_EXACT, on_timer, h);
	if (err >= 0)
		err = sd_event_add_io(loop, &h->io,
				      mnl_socket_get_fd(h->events), EPOLLIN,
				      on_news, h);
	if (err < 0)
		log_err("cannot follow routes: %s", strerror(-err));
	return err < 0 ? err : 0;
}

/* ---- for the programs ---- */

/* Own addresses as sources: routes know nothing of them. */
static bool accepts_local(const char *device)
{
	char name[64];
	int err = 0;

	snprintf(name, sizeof(name), "ipv4/conf/%s/accept_local", device);
	return netconf_sysctl(&err, name, 0, 0);
}

/* The VLAN device on @device that the default route leads to; NULL: none. */
static const struct device *default_vlan(const struct routing *r,
					 const struct devices *all, int device)
{
	const struct route *best = hop_default(r);
	const struct device *d = best ? devices_find(all, best->device) : NULL;

	return d && d->vlan && d->lower == device ? d : NULL;
}

static void next_hop_of(const struct next_hops *h, const struct routing *r,
			const struct devices *all, __u8 family, int device,
			struct next_hop *ret)
{
	const struct device *vlan = default_vlan(r, all, device);
	const struct route *gateway;

	device = vlan ? vlan->ifindex : device;
	gateway = hop_choose(r, family, device, ret);
	ret->vlan = gateway && vlan ? vlan->vlan : 0;
	ret->seen = ns_to_ticks(clock_ns());
	ret->throws = family == AF_INET6 && hop_throws(r);
	if (gateway &&
	    (!h->nl || routing_neighbour(h->nl, gateway->via_family, device,
					 gateway->via, ret->gateway)))
		ret->kind = HOP_ROUTED;
}

void next_hops_of(const struct next_hops *h, const struct devices *all,
		  int device, const char *name, struct next_hop *ret4,
		  struct next_hop *ret6)
{
	const struct device *vlan = default_vlan(&h->v4, all, device);

	next_hop_of(h, &h->v4, all, AF_INET, device, ret4);
	next_hop_of(h, &h->v6, all, AF_INET6, device, ret6);
	if (!h->read_ns || accepts_local("all") || accepts_local(name) ||
	    (vlan && accepts_local(vlan->name)))
		ret4->kind = HOP_SENDER;
	if (!h->read_ns)
		ret6->kind = HOP_SENDER;
}
