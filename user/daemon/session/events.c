/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: what the BPF programs ask of user space and tell it,
 * through the ring buffer. A full ring loses neither packets nor books:
 * requests are made again by the client's retransmission, or found by the
 * reaper, and watchers are told how many events they missed.
 */
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

#include "kernel/clock.h"
#include "daemon.h"
#include "log.h"

enum { LOOK_AGAIN_NS = 250000000 };

/*
 * The host is looked at again: a listener may have become MPTCP, or NAT may be
 * in use since. Strangers can bring this about, so only now and then.
 */
static void look_again(struct daemon *d)
{
	if (now_ns() - d->looked_again_ns < LOOK_AGAIN_NS)
		return;
	d->looked_again_ns = now_ns();
	daemon_refresh(d);
}

static bool has_cookies(const struct daemon *d, const struct event *e,
			enum cookie_backend cookies)
{
	return services_cookies_at(d->services, e->tuple.server,
				   e->tuple.server_port) == cookies;
}

/*
 * The kernel takes no socket with options that the host has since turned off;
 * that says nothing of the listener, and is over when those cookies are.
 */
static void on_refused(struct daemon *d, const struct event *e)
{
	look_again(d);
	if (d->offer_changed_ns &&
	    now_ns() - d->offer_changed_ns < 2 * d->keys.lifetime_ns)
		return;
	if (has_cookies(d, e, COOKIES_OWN))
		nat_witness(d->nat, e, NAT_REFUSED);
}

/* The kernel has forgotten whom it was to admit. */
static void on_forgotten(struct daemon *d, const struct event *e)
{
	look_again(d);
	if (has_cookies(d, e, e->told)) /* else it was in flight */
		nat_witness(d->nat, e,
			    e->told == COOKIES_KERNEL ? NAT_REDIRECTED
						      : NAT_SOCKET_LOST);
}

/*
 * Gone already is as good; and this may be read late, when the client has long
 * got in. One who has not, and waits for the server to speak, is asked: its reply
 * bears the cookie again.
 */
static void on_in_the_way(struct daemon *d, const struct event *e)
{
	const struct session *s;
	__u32 slot;

	sockdiag_clear(d->diag, &e->tuple);
	s = sessions_find(&d->sessions, &e->tuple, &slot);
	if (s && s->live.state == SESSION_OPENING && s->server_isn)
		probe_send(&d->reaper.probe, s);
}

enum { SLICE_NS = 3000000, STOP = -EAGAIN };

/* STOP leaves the rest in the ring, for the loop's next round. */
static int on_event(void *data, void *record, size_t size)
{
	const struct event *e = record;
	struct daemon *d = data;

	if (size < sizeof(*e))
		return 0;
	switch (e->kind) {
	case EVENT_IN_THE_WAY:
		on_in_the_way(d, e);
		break;
	case EVENT_REFUSED:
		on_refused(d, e);
		break;
	case EVENT_FORGOTTEN:
		on_forgotten(d, e);
		break;
	case EVENT_SESSION:
		watch_tell(d, e);
		break;
	}
	return now_ns() > d->events_until_ns ? STOP : 0;
}

static int on_sample(void *data, void *record, size_t size)
{
	struct daemon *d = data;

	if (size >= sizeof(struct sample))
		watch_sample(d, record);
	return now_ns() > d->events_until_ns ? STOP : 0;
}

static int on_ring(sd_event_source *source, int fd, uint32_t revents,
		   void *data)
{
	struct daemon *d = data;

	(void)source;
	(void)fd;
	(void)revents;
	d->events_until_ns = now_ns() + SLICE_NS;
	ring_buffer__consume(d->events);
	return 0;
}

int events_start(struct daemon *d)
{
	sd_event_source *source = NULL;
	int err;

	d->events = ring_buffer__new(loader_map_fd(&d->loader, MAP_EVENTS),
				     on_event, d, NULL);
	if (!d->events) {
		err = -errno;
		log_err("cannot read the event ring: %s", strerror(-err));
		return err;
	}
	err = ring_buffer__add(d->events,
			       loader_map_fd(&d->loader, MAP_SAMPLES),
			       on_sample, d);
	if (err) {
		log_err("cannot read the ring of samples: %s", strerror(-err));
		return err;
	}
	err = sd_event_add_io(d->loop, &source,
			      ring_buffer__epoll_fd(d->events), EPOLLIN,
			      on_ring, d);
	/* a ring that is never empty must not keep the control socket out */
	if (err >= 0)
		err = sd_event_source_set_priority(source, CONTROL_PRIORITY);
	if (err >= 0)
		err = sd_event_source_set_floating(source, true);
	sd_event_source_unref(source);
	return err < 0 ? err : 0;
}
