/* SPDX-License-Identifier: GPL-2.0-only */
#include <string.h>

#include "host.h"
#include "kernel/clock.h"
#include "log.h"
#include "maps/settings.h"

enum { KERNEL_COOKIES_S = 120 }; /* lifetime of the kernel's cookies */

void host_init(struct host *h, struct settings *settings, int local_addrs_fd)
{
	*h = (struct host){ .settings = settings };
	local_addrs_init(&h->local_addrs, local_addrs_fd);
}

void host_free(struct host *h)
{
	local_addrs_free(&h->local_addrs);
}

static void poll_cookies(struct host *h)
{
	__u32 now = ns_to_ticks(clock_ns());
	struct settings *s = h->settings;
	struct netconf_counts counts;

	netconf_counts(&counts);
	if (counts.cookies_sent != h->cookies_sent)
		h->cookies_sent_ns = clock_ns();
	h->cookies_sent = counts.cookies_sent;
	if ((__s32)(s->kernel_cookies_until - now) < 0)
		s->kernel_cookies_until = now; /* ticks wrap, in years */
}

int host_poll(struct host *h)
{
	const __u32 offers = SETTING_TS | SETTING_WSCALE | SETTING_SACK |
			     SETTING_ECN | SETTING_FORWARDING |
			     SETTING_KERNEL_TS | SETTING_REFLECT_TOS |
			     SETTING_FLOW_LABEL;
	struct netconf before = h->net;
	int err = netconf_read(&h->net);

	if (err && !h->net.rcvbuf) {
		log_err("cannot read /proc/sys/net: %s", strerror(-err));
		return err;
	}
	if (h->proxies) /* a wildcard is the host's own addresses */
		h->net.offer |= SETTING_FORWARDING;
	if (before.rcvbuf && h->net.offer != before.offer)
		h->offer_changed_ns = clock_ns();
	h->settings->ttl = h->net.ttl;
	h->settings->hop_limit = h->net.hop_limit;
	/* first: the flag makes the programs look there */
	if (h->net.offer & SETTING_FORWARDING &&
	    local_addrs_poll(&h->local_addrs))
		log_warn("cannot list the local addresses: traffic to wildcard "
			 "services passes unprotected");
	settings_clear(h->settings, offers & ~h->net.offer);
	settings_set(h->settings, h->net.offer);
	poll_cookies(h);
	return 0;
}

void host_expect_cookies(struct host *h, bool now)
{
	if (now)
		h->cookies_sent_ns = clock_ns();
	if (h->cookies_sent || now)
		h->settings->kernel_cookies_until = ns_to_ticks(
			h->cookies_sent_ns + KERNEL_COOKIES_S * 1000000000ULL);
}
