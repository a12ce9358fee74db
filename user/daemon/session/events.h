/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: requests and events from the BPF programs, through the
 * ring buffer. A full ring costs neither packets nor session stats: requests
 * are repeated with the client's retransmission, or found by the reaper, and
 * watchers are told how many events they missed.
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

/* Consumers. Everything here must outlive struct events. */
struct events_deps {
	const struct loader *loader; /* has the rings */
	struct sessions *sessions;
	struct owner *owner;
	const struct rawtcp *raw;
	const struct host *host;
	const struct keys *keys;
	struct nat *nat;
	const struct services *services;
	struct watch *watch;
	/* the host may have changed and should be polled */
	void (*changed)(void *data);
	/* SYNs came to a service that is not armed: perhaps a flood begins */
	void (*syn_rush)(void *data);
	void *data;
};

struct events {
	struct events_deps deps;
	struct ring_buffer *ring;
	sd_event_source *io;
	struct slice slice;    /* time for reading them */
	__u64 looked_again_ns; /* when @changed was last called */
};

/*
 * Handles them on @loop. Returns 0 or -errno, logged. Call events_stop() in
 * either case.
 */
int events_start(struct events *e, sd_event *loop,
		 const struct events_deps *deps);
void events_stop(struct events *e);

#endif
