/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: a census of the kernel's connections, so that the table
 * is known to be complete but for marked sets (synkeeper/table.h). It is taken
 * when a service is armed: at once of half-open requests, since a cookie in
 * answer to the retransmitted SYN would have the kernel reset its client; then,
 * in slices on a netlink socket of its own, of all the rest, TIME-WAIT (which
 * the kernel may reopen) included. It is taken again when the kernel's own
 * cookies have run out, for connections that came in by one; and now and then
 * while sets are marked, to mark only those that still lack something. As long
 * as it is being taken nobody relies on the table being complete.
 */
#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include "kernel/clock.h"
#include "daemon.h"
#include "log.h"

enum {
	CONNECTIONS = ~(1U << TCP_LISTEN | 1U << TCP_CLOSE),
	KERNEL_COOKIES_S = 120, /* how long a cookie of the kernel's may live */
	AGAIN_S = 600,
	SLICE_NS = 3000000,
	PAUSE_US = 17000,
	ACCURACY_US = 1, /* 0 would mean a quarter of a second */
};

static void set_complete(struct daemon *d, bool complete)
{
	if (complete)
		__atomic_or_fetch(&d->settings->flags, SETTING_COMPLETE,
				  __ATOMIC_SEQ_CST);
	else
		__atomic_and_fetch(&d->settings->flags, ~SETTING_COMPLETE,
				   __ATOMIC_SEQ_CST);
}

static void enter_one(const struct diag_socket *s, void *data)
{
	struct daemon *d = data;
	__u16 id = services_match(d->services, s->tuple.server,
				  s->tuple.server_port);

	if (id)
		sessions_enter(&d->sessions, &s->tuple, id, s->state);
}

static void mark_one(const struct diag_socket *s, void *data)
{
	struct daemon *d = data;
	__u32 slot;

	if (services_match(d->services, s->tuple.server,
			   s->tuple.server_port) &&
	    !sessions_find(&d->sessions, &s->tuple, &slot))
		sessions_mark(&d->sessions, &s->tuple);
}

static void rearm(struct census *c, __u64 us)
{
	sd_event_source_set_time_relative(c->timer, us);
	sd_event_source_set_enabled(c->timer, SD_EVENT_ONESHOT);
}

void census_now(struct daemon *d, bool kernels)
{
	struct census *c = &d->census;

	if (sockdiag_dump(d->diag, 1U << TCP_SYN_RECV, enter_one, d))
		log_warn("cannot list the half-open connections");
	if (kernels)
		d->cookies_sent_ns = now_ns();
	if (d->cookies_sent || kernels)
		d->settings->kernel_cookies_until = ns_to_ticks(
			d->cookies_sent_ns + KERNEL_COOKIES_S * 1000000000ULL);
	set_complete(d, false);
	c->enter = true;
	c->again = c->family != 0;
	if (!c->family)
		rearm(c, 0);
}

/* Returns 1: more, 0: all done, or -errno. */
static int take_slice(struct daemon *d)
{
	struct census *c = &d->census;
	__u64 end = now_ns() + SLICE_NS;
	int more;

	do {
		more = sockdiag_dump_step(c->diag,
					  c->enter ? enter_one : mark_one, d);
		if (!more && c->family == AF_INET) {
			c->family = AF_INET6;
			more = sockdiag_dump_begin(c->diag, c->family,
						   CONNECTIONS);
			if (!more)
				more = 1;
		}
	} while (more > 0 && now_ns() < end);
	return more;
}

static int on_census(sd_event_source *source, uint64_t when, void *data)
{
	struct daemon *d = data;
	struct census *c = &d->census;
	__s32 cookies_left;
	int more = 0;

	(void)source;
	(void)when;
	if (!c->family) {
		if (!c->enter && !sessions_marked(&d->sessions)) {
			rearm(c, AGAIN_S * 1000000ULL);
			return 0;
		}
		set_complete(d, false);
		sessions_unmark(&d->sessions);
		c->family = AF_INET;
		more = sockdiag_dump_begin(c->diag, c->family, CONNECTIONS);
	}
	if (!more)
		more = take_slice(d);
	if (more > 0) {
		rearm(c, PAUSE_US);
		return 0;
	}
	if (more < 0)
		log_warn("cannot list the connections there are: %s",
			 strerror(-more));
	c->family = 0;
	if (c->again) {
		c->again = false;
		rearm(c, 0);
		return 0;
	}
	set_complete(d, !more);
	cookies_left =
		d->settings->kernel_cookies_until - ns_to_ticks(now_ns());
	c->enter = more < 0 || cookies_left > 0;
	rearm(c, cookies_left > 0
			 ? (ticks_to_ms((__u32)cookies_left) + 1000) * 1000
			 : AGAIN_S * 1000000ULL);
	return 0;
}

int census_start(struct daemon *d)
{
	int err = sockdiag_open(&d->census.diag);

	if (err) {
		log_err("cannot open sock_diag: %s", strerror(-err));
		return err;
	}
	err = sd_event_add_time_relative(d->loop, &d->census.timer,
					 CLOCK_MONOTONIC, AGAIN_S * 1000000ULL,
					 ACCURACY_US, on_census, d);
	if (err < 0)
		log_err("cannot set the census' timer up: %s", strerror(-err));
	return err < 0 ? err : 0;
}

void census_stop(struct daemon *d)
{
	sd_event_source_unref(d->census.timer);
	sockdiag_close(d->census.diag);
}
