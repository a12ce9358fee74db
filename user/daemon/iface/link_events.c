/* SPDX-License-Identifier: GPL-2.0-only */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "kernel/clock.h"
#include "kernel/netlink.h"
#include "link_events.h"
#include "log.h"
#include "loop/timer.h"

static void look(struct link_events *e)
{
	e->looked_ns = clock_ns();
	e->changed(e->data);
}

static int on_timer(sd_event_source *source, uint64_t when, void *data)
{
	(void)source;
	(void)when;
	look(data);
	return 0;
}

static void look_soon(struct link_events *e)
{
	__u64 due = e->looked_ns + LINK_EVENTS_LOOK_MS * 1000000ULL;
	__u64 now = clock_ns();

	if (now >= due)
		look(e);
	else if (!timer_is_set(e->timer))
		timer_set(e->timer, (due - now) / 1000);
}

static int on_event(sd_event_source *source, int fd, uint32_t revents,
		    void *data)
{
	struct link_events *e = data;

	(void)source;
	(void)fd;
	(void)revents;
	netlink_drain(e->nl, NULL, NULL);
	look_soon(e);
	return 0;
}

int link_events_start(struct link_events *e, sd_event *loop,
		      void (*changed)(void *data), void *data)
{
	int err;

	*e = (struct link_events){ .changed = changed, .data = data };
	e->nl = netlink_open(NETLINK_ROUTE, RTMGRP_LINK);
	if (!e->nl) {
		err = -errno;
		log_err("cannot subscribe to link changes: %s", strerror(-err));
		return err;
	}
	err = sd_event_add_io(loop, &e->io, mnl_socket_get_fd(e->nl), EPOLLIN,
			      on_event, e);
	if (err >= 0)
		err = timer_add(loop, &e->timer, TIMER_LAZY, on_timer, e);
	return err < 0 ? err : 0;
}

void link_events_stop(struct link_events *e)
{
	sd_event_source_disable_unref(e->io);
	timer_free(e->timer);
	if (e->nl)
		mnl_socket_close(e->nl);
}
