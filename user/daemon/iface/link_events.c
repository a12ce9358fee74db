/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the kernel tells when a device comes, goes, or becomes
 * the port of another, and the interfaces are looked at then. Events may be lost,
 * or come by the thousand (containers begin): what they say is not read, only
 * that there are some, and a look follows at most every LOOK_MS. The tick looks
 * in any case.
 */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "kernel/clock.h"
#include "daemon.h"
#include "log.h"
#include "kernel/netlink.h"

enum { LOOK_MS = 20 };

static void look(struct daemon *d)
{
	d->link_looked_ns = now_ns();
	ifaces_follow(d);
}

static int on_timer(sd_event_source *source, uint64_t when, void *data)
{
	(void)source;
	(void)when;
	look(data);
	return 0;
}

static void look_soon(struct daemon *d)
{
	__u64 due = d->link_looked_ns + LOOK_MS * 1000000ULL, now = now_ns();
	int enabled;

	if (now >= due)
		return look(d);
	if (sd_event_source_get_enabled(d->link_timer, &enabled) > 0)
		return;
	sd_event_source_set_time_relative(d->link_timer, (due - now) / 1000);
	sd_event_source_set_enabled(d->link_timer, SD_EVENT_ONESHOT);
}

static int on_event(sd_event_source *source, int fd, uint32_t revents,
		    void *data)
{
	char buf[256]; /* the rest of a message is cut off */
	int i;

	(void)source;
	(void)revents;
	for (i = 0; i < 1000; i++)
		if (recv(fd, buf, sizeof(buf), MSG_DONTWAIT) < 0 &&
		    errno != ENOBUFS)
			break;
	look_soon(data);
	return 0;
}

int link_events_start(struct daemon *d)
{
	int err;

	d->link_events = netlink_open(NETLINK_ROUTE, RTMGRP_LINK);
	if (!d->link_events) {
		log_err("cannot hear of link changes: %s", strerror(errno));
		return -errno;
	}
	err = sd_event_add_io(d->loop, &d->link_source,
			      mnl_socket_get_fd(d->link_events), EPOLLIN,
			      on_event, d);
	if (err >= 0)
		err = sd_event_add_time_relative(d->loop, &d->link_timer,
						 CLOCK_MONOTONIC, 0, 0,
						 on_timer, d);
	if (err >= 0)
		err = sd_event_source_set_enabled(d->link_timer, SD_EVENT_OFF);
	return err < 0 ? err : 0;
}

void link_events_stop(struct daemon *d)
{
	sd_event_source_unref(d->link_source);
	sd_event_source_unref(d->link_timer);
	if (d->link_events)
		mnl_socket_close(d->link_events);
}
