/* SPDX-License-Identifier: GPL-2.0-only */
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

#include "events.h"
#include "log.h"

enum { LOOK_AGAIN_NS = 250000000 };

/*
 * Polls the host again: a listener may have become MPTCP, or NAT come into use.
 * Untrusted packets can trigger this, so it is rate-limited.
 */
static void look_again(struct events *e)
{
	if (clock_ns() - e->looked_again_ns < LOOK_AGAIN_NS)
		return;
	e->looked_again_ns = clock_ns();
	e->deps.changed(e->deps.data);
}

static bool has_cookies(const struct events *e, const struct event *event,
			enum cookie_backend cookies)
{
	return services_cookies_at(e->deps.services, event->tuple.server,
				   event->tuple.server_port) == cookies;
}

/*
 * The kernel refuses a socket with options that the host has since disabled;
 * that says nothing about the listener, and stops when those cookies expire.
 */
static void on_refused(struct events *e, const struct event *event)
{
	const struct host *host = e->deps.host;

	look_again(e);
	if (host->offer_changed_ns && clock_ns() - host->offer_changed_ns <
					      keys_cookie_life(e->deps.keys))
		return;
	if (has_cookies(e, event, COOKIES_OWN))
		nat_witness(e->deps.nat, event, NAT_REFUSED);
}

/* The kernel lost the socket that it was to admit. */
static void on_socket_lost(struct events *e, const struct event *event)
{
	look_again(e);
	if (has_cookies(e, event, event->what)) /* if not, it was in flight */
		nat_witness(e->deps.nat, event,
			    event->what == COOKIES_KERNEL ? NAT_REDIRECTED
							  : NAT_SOCKET_LOST);
}

/*
 * Already gone is fine, too; and this may be read late, when the client has
 * long got in. A client that has not, and waits for the server to speak, is
 * probed: its reply carries the cookie again.
 */
static void on_stale_socket(struct events *e, const struct event *event)
{
	const struct session *s;
	__u32 slot;

	owner_clear(e->deps.owner, &event->tuple);
	s = sessions_find(e->deps.sessions, &event->tuple, &slot);
	if (s && s->live.state == SESSION_OPENING && s->server_isn)
		probe_send(e->deps.raw, s);
}

enum { SLICE_US = 3000, STOP = -EAGAIN };

/* STOP leaves the rest in the ring for the next turn of the loop. */
static int on_event(void *data, void *record, size_t size)
{
	const struct event *event = record;
	struct events *e = data;

	if (size < sizeof(*event))
		return 0;
	switch (event->kind) {
	case EVENT_STALE_SOCKET:
		on_stale_socket(e, event);
		break;
	case EVENT_REFUSED:
		on_refused(e, event);
		break;
	case EVENT_SOCKET_LOST:
		on_socket_lost(e, event);
		break;
	case EVENT_SYN_RUSH:
		e->deps.syn_rush(e->deps.data);
		break;
	case EVENT_SESSION:
		watch_tell(e->deps.watch, event);
		break;
	}
	return slice_is_over(&e->slice) ? STOP : 0;
}

static int on_sample(void *data, void *record, size_t size)
{
	const struct events *e = data;

	if (size >= sizeof(struct sample))
		watch_sample(e->deps.watch, record);
	return slice_is_over(&e->slice) ? STOP : 0;
}

static int on_ring(sd_event_source *source, int fd, uint32_t revents,
		   void *data)
{
	struct events *e = data;

	(void)source;
	(void)fd;
	(void)revents;
	e->slice = slice_begin(SLICE_US);
	ring_buffer__consume(e->ring);
	return 0;
}

static int open_rings(struct events *e)
{
	const struct loader *l = e->deps.loader;
	int err;

	e->ring = ring_buffer__new(loader_map_fd(l, MAP_EVENTS), on_event, e,
				   NULL);
	if (!e->ring) {
		err = -errno;
		log_err("cannot read the event ring buffer: %s",
			strerror(-err));
		return err;
	}
	err = ring_buffer__add(e->ring, loader_map_fd(l, MAP_SAMPLES),
			       on_sample, e);
	if (err)
		log_err("cannot read the sample ring buffer: %s",
			strerror(-err));
	return err;
}

int events_start(struct events *e, sd_event *loop,
		 const struct events_deps *deps)
{
	int err;

	*e = (struct events){ .deps = *deps };
	err = open_rings(e);
	if (err)
		return err;
	err = sd_event_add_io(loop, &e->io, ring_buffer__epoll_fd(e->ring),
			      EPOLLIN, on_ring, e);
	/* a ring that is never empty must not starve the control socket */
	if (err >= 0)
		err = sd_event_source_set_priority(e->io, CONTROL_PRIORITY);
	return err < 0 ? err : 0;
}

void events_stop(struct events *e)
{
	sd_event_source_disable_unref(e->io);
	ring_buffer__free(e->ring);
}
