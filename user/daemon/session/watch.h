/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: session events and drop samples for watchers. Without
 * watchers the BPF programs send none. A line is formatted once for all
 * watchers, by hand: there may be a hundred thousand a second, and none of its
 * strings needs escaping but a service's name, which name_check() keeps simple.
 */
#ifndef WATCH_H
#define WATCH_H

#include "control/control_server.h"
#include "iface/ifaces.h"
#include "service/services.h"

/* Everything here must outlive struct watch. */
struct watch_deps {
	struct control_server *server;
	struct settings *settings; /* mapped */
	const struct services *services;
	const struct ifaces *ifaces;
};

/* All zero: no events are sent. */
struct watch {
	struct watch_deps deps;
};

void watch_start(struct watch *w, const struct watch_deps *deps);
void watch_stop(struct watch *w);

/* Enables events and samples while there are subscribers. */
void watch_poll(const struct watch *w);

/* A session_events of a struct watch. */
void watch_tell(void *watch, const struct event *e);
void watch_sample(const struct watch *w, const struct sample *s);

/* The drops that a client wants samples of. */
struct watch_samples {
	__u64 reasons;	   /* bit per reason */
	__u16 service;	   /* 0: all */
	unsigned int rate; /* a second */
};

/*
 * Makes a client a watcher of events matching @f, or of samples. Returns 0,
 * -ENOMEM or -EBUSY: there are as many as may be.
 */
int watch_add(const struct watch *w, struct control_client *c,
	      const struct filter *f);
int watch_add_samples(const struct watch *w, struct control_client *c,
		      const struct watch_samples *want);

#endif
