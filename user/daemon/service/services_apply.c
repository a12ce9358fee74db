/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: services_apply(), see services.h: computes the endpoints
 * (endpoints.c), writes what changed, and keeps net.ipv4.tcp_syncookies as high
 * as they need it.
 */
#include <errno.h>
#include <string.h>

#include "kernel/clock.h"
#include "kernel/syncookies.h"
#include "log.h"
#include "maps/settings.h"
#include "services_state.h"

/* Removes services whose drain is over. */
static void drop_drained(struct services *s)
{
	__u64 now = clock_ns();
	__u32 id;

	for (id = 1; id < SERVICES_MAX; id++) {
		struct service *svc = &s->slots[id];

		if (!svc->id || !svc->drain_until_ns ||
		    svc->drain_until_ns > now)
			continue;
		services_write_info(s, svc, false);
		*svc = (struct service){};
		s->changed = true;
	}
}

/* Adds all services to a round of endpoints. */
static int compute(struct services *s, const struct netconf *net)
{
	bool may_raise = clock_ns() >= s->raise_again_ns;
	__u32 id;
	int err = 0;

	endpoints_begin(&s->endpoints, net, may_raise, &s->listeners);
	for (id = 1; id < SERVICES_MAX && !err; id++)
		if (s->slots[id].id)
			err = endpoints_of(&s->endpoints, &s->slots[id]);
	return err;
}

/* Is this a temporary error that says nothing about the host? */
static bool is_passing(int err)
{
	return err == -EMFILE || err == -ENFILE || err == -ENOMEM ||
	       err == -EINTR;
}

enum { RAISE_AGAIN_S = 60 };

/*
 * Raises tcp_syncookies to what the endpoints need. If that fails, they are
 * computed again for its current value.
 */
static int raise_cookies(struct services *s, const struct netconf *net,
			 struct settings *settings)
{
	int err = syncookies_raise(settings, s->endpoints.need);

	if (err > 0)
		log_info("net.ipv4.tcp_syncookies: %u -> %d: needed for "
			 "cookies, restored when no longer needed",
			 net->cookies, s->endpoints.need);
	if (err >= 0) {
		s->raise_again_ns = 0;
		return 0;
	}
	if (is_passing(err))
		return err;
	if (!s->raise_again_ns)
		log_warn("net.ipv4.tcp_syncookies: cannot be set to %d: %s",
			 s->endpoints.need, strerror(-err));
	s->raise_again_ns = clock_ns() + RAISE_AGAIN_S * 1000000000ULL;
	return compute(s, net);
}

/* Lifetime of the kernel's cookies: those in flight return within this time. */
enum { COOKIES_LIVE_S = 120 };

/* At 1, the kernel honours cookies in flight; at 0 it honours none. */
static void lower(struct services *s, struct settings *settings)
{
	int need = s->endpoints.need, value;

	if (need)
		s->needed_ns = clock_ns();
	else if (clock_ns() - s->needed_ns < COOKIES_LIVE_S * 1000000000ULL)
		need = SYNCOOKIES_OWN;
	value = syncookies_restore(settings, need);
	if (value >= 0)
		log_info("net.ipv4.tcp_syncookies: restored to %d", value);
}

/* Records why services have their kind of cookies, for log_changes(). */
static void note_whys(const struct services *s, __u8 whys[SERVICES_MAX])
{
	__u32 id;

	for (id = 1; id < SERVICES_MAX; id++)
		whys[id] = s->slots[id].cookies_why;
}

static void log_changes(const struct services *s, const __u8 whys[SERVICES_MAX])
{
	__u32 id;

	for (id = 1; id < SERVICES_MAX; id++)
		if (s->slots[id].id && !s->slots[id].drain_until_ns)
			service_log_cookies(&s->slots[id], whys[id]);
}

static int recompute(struct services *s, const struct netconf *net,
		     struct settings *settings, struct endpoints_changes *ret)
{
	__u8 whys[SERVICES_MAX];
	int err;

	note_whys(s, whys);
	err = compute(s, net);
	if (!err && clock_ns() >= s->raise_again_ns)
		err = raise_cookies(s, net, settings);
	/* never taken back: connections may be left when no service is */
	if (!err && s->endpoints.splices)
		settings_set(settings, SETTING_SPLICE);
	if (!err)
		err = endpoints_commit(&s->endpoints, ret);
	if (err)
		return err;
	log_changes(s, whys);
	s->net = *net;
	/* the raised value: lowering it again is noticed */
	err = syncookies_read();
	if (err >= 0)
		s->net.cookies = err;
	s->changed = false;
	/* see bpf/wire/parse.bpf.h */
	settings_put(settings, SETTING_GUARDED,
		     s->endpoints.need || s->endpoints.splices);
	lower(s, settings);
	return 0;
}

void services_reached_by(struct services *s, int ifindex)
{
	s->only = ifindex;
}

void services_look(struct services *s)
{
	if (nat_look(s->nat))
		s->changed = true;
}

int services_apply(struct services *s, struct owner *owner,
		   const struct netconf *net, struct settings *settings,
		   struct endpoints_changes *ret)
{
	int err;

	*ret = (struct endpoints_changes){};
	err = listeners_read(&s->listeners, owner, s->only, &s->changed);
	if (err)
		return err;
	drop_drained(s);
	if (s->raise_again_ns && clock_ns() >= s->raise_again_ns)
		s->changed = true;
	if (s->changed || memcmp(&s->net, net, sizeof(*net)))
		return recompute(s, net, settings, ret);
	lower(s, settings);
	return 0;
}
