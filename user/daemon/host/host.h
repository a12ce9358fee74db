/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: what answers must have from the host's own configuration
 * is looked at now and then, and written where the programs find it: settings,
 * and the map of local addresses.
 */
#ifndef HOST_H
#define HOST_H

#include "netconf.h"

struct host {
	struct netconf net;
	struct settings *settings; /* mapped */
	int local_addrs_fd;	   /* the map */
	__u64 offer_changed_ns;	   /* when its TCP options last changed */
	__u64 cookies_sent;	   /* the kernel's own, and when last */
	__u64 cookies_sent_ns;
};

void host_init(struct host *h, struct settings *settings, int local_addrs_fd);

/* Looks. Returns 0, or -errno, logged, if nothing is known of the host yet. */
int host_poll(struct host *h);

/*
 * Cookies of the kernel's own may come back: for two minutes from when it last
 * sent one, if it ever did. @now: it may have sent some up to now.
 */
void host_expect_cookies(struct host *h, bool now);

#endif
