/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: what the BPF programs ask of user space and tell it,
 * through the ring buffer. A full ring loses neither packets nor books:
 * requests are made again by the client's retransmission, or found by the
 * reaper, and watchers are told how many events they missed.
 */
#ifndef EVENTS_H
#define EVENTS_H

#include <systemd/sd-event.h>

#include "host/host.h"
#include "keys/keys.h"
#include "loop/slice.h"
#include "reaper.h"
#include "watch.h"

struct ring_buffer;

/* Whom they concern; all outlive them. */
struct events_deps {
	const struct loader *loader; /* whose rings they are */
	struct sessions *sessions;
	struct owner *owner;
	const struct probe *probe;
	const struct host *host;
	const struct keys *keys;
	struct nat *nat;
	const struct services *services;
	struct watch *watch;
	/* the host may have changed, and is to be looked at */
	void (*changed)(void *data);
	void *data;
};

struct events {
	struct events_deps deps;
	struct ring_buffer *ring;
	sd_event_source *io;
	struct slice slice;    /* in which they are read */
	__u64 looked_again_ns; /* when @changed was last called */
};

/*
 * Takes them on @loop. Returns 0 or -errno, logged. events_stop() is due in any
 * case.
 */
int events_start(struct events *e, sd_event *loop,
		 const struct events_deps *deps);
void events_stop(struct events *e);

#endif
