/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the host configuration that answers depend on is polled,
 * and written where the programs find it: settings, and the map of local
 * addresses.
 */
#ifndef HOST_H
#define HOST_H

#include "local_addrs.h"
#include "netconf.h"

struct host {
	struct netconf net;
	struct settings *settings; /* mapped */
	struct local_addrs local_addrs;
	__u64 offer_changed_ns; /* when its TCP options last changed */
	__u64 cookies_sent;	/* by the kernel, and when it last did */
	__u64 cookies_sent_ns;
};

void host_init(struct host *h, struct settings *settings, int local_addrs_fd);
void host_free(struct host *h);

/* Polls. Returns 0, or -errno, logged, if nothing is known of the host yet. */
int host_poll(struct host *h);

/*
 * Expects the kernel's own cookies for two minutes after it last sent one, if
 * it ever did. @now: it may have sent some up to now.
 */
void host_expect_cookies(struct host *h, bool now);

#endif
