/* SPDX-License-Identifier: GPL-2.0-only */
#include <errno.h>
#include <string.h>

#include "log.h"
#include "loop/slice.h"
#include "loop/timer.h"
#include "maps/settings.h"
#include "resync.h"

enum { AGAIN_US = 600000000, SLICE_US = 3000, PAUSE_US = 17000 };

static void set_complete(const struct resync *r, bool complete)
{
	settings_put(r->deps.sessions->settings, SETTING_COMPLETE, complete);
}

static void enter_one(const struct owner_socket *s, void *data)
{
	const struct resync *r = data;
	__u16 id = services_match(r->deps.services, s->tuple.server,
				  s->tuple.server_port);

	if (id)
		sessions_enter(r->deps.sessions, &s->tuple, id, s->state);
}

static void set_incomplete(const struct owner_socket *s, void *data)
{
	const struct resync *r = data;
	__u32 slot;

	if (services_match(r->deps.services, s->tuple.server,
			   s->tuple.server_port) &&
	    !sessions_find(r->deps.sessions, &s->tuple, &slot))
		sessions_mark(r->deps.sessions, &s->tuple);
}

void resync_now(struct resync *r, bool kernels)
{
	if (owner_each_half_open(r->deps.owner, enter_one, r))
		log_warn("cannot list the half-open connections");
	host_expect_cookies(r->deps.host, kernels);
	set_complete(r, false);
	r->enter = true;
	r->again = r->walking;
	if (!r->walking)
		timer_set(r->timer, 0);
}

/* Returns 1: more, 0: all done, or -errno. */
static int walk_slice(struct resync *r)
{
	struct slice slice = slice_begin(SLICE_US);
	int more;

	do
		more = owner_walk_step(r->deps.owner,
				       r->enter ? enter_one : set_incomplete,
				       r);
	while (more > 0 && !slice_is_over(&slice));
	return more;
}

/* Returns 1: more, 0: all done, or -errno. */
static int walk(struct resync *r)
{
	int err = 0;

	if (!r->walking) {
		set_complete(r, false);
		sessions_set_complete(r->deps.sessions);
		r->walking = true;
		err = owner_walk_begin(r->deps.owner);
	}
	return err ? err : walk_slice(r);
}

/* A walk ended with @err: schedules the next one. */
static void finish(struct resync *r, int err)
{
	__s32 cookies_left;

	if (err)
		log_warn("cannot list the existing connections: %s",
			 strerror(-err));
	r->walking = false;
	if (r->again) {
		r->again = false;
		timer_set(r->timer, 0);
		return;
	}
	set_complete(r, !err);
	cookies_left = r->deps.sessions->settings->kernel_cookies_until -
		       ns_to_ticks(clock_ns());
	r->enter = err || cookies_left > 0;
	timer_set(r->timer,
		  cookies_left > 0
			  ? (ticks_to_ms((__u32)cookies_left) + 1000) * 1000
			  : AGAIN_US);
}

static int on_timer(sd_event_source *source, uint64_t when, void *data)
{
	struct resync *r = data;
	int more;

	(void)when;
	if (!r->walking && !r->enter && !sessions_marked(r->deps.sessions)) {
		timer_set(source, AGAIN_US);
		return 0;
	}
	more = walk(r);
	if (more > 0)
		timer_set(source, PAUSE_US);
	else
		finish(r, more);
	return 0;
}

int resync_start(struct resync *r, sd_event *loop,
		 const struct resync_deps *deps)
{
	int err;

	*r = (struct resync){ .deps = *deps };
	err = timer_add(loop, &r->timer, TIMER_EXACT, on_timer, r);
	if (!err)
		err = timer_set(r->timer, AGAIN_US);
	if (err)
		log_err("cannot set up the resync timer: %s", strerror(-err));
	return err;
}

void resync_stop(struct resync *r)
{
	timer_free(r->timer);
}
