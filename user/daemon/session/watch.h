/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: session events and samples of drops for those who
 * watch. While nobody does, the BPF programs send none. A line is made once
 * for all watchers, by hand: there may be a hundred thousand a second, and none
 * of its strings needs escaping but a service's name, which check_name() keeps
 * simple.
 */
#ifndef WATCH_H
#define WATCH_H

#include "control/control_server.h"
#include "iface/ifaces.h"
#include "service/services.h"

/* What it needs; all of it outlives it. */
struct watch_deps {
	struct control_server *server;
	struct settings *settings; /* mapped */
	const struct services *services;
	const struct ifaces *ifaces;
};

/* All zero: nobody is told. */
struct watch {
	struct watch_deps deps;
};

void watch_start(struct watch *w, const struct watch_deps *deps);
void watch_stop(struct watch *w);

/* Turns events and samples on while somebody wants any. */
void watch_poll(const struct watch *w);

/* A session_told of a struct watch. */
void watch_tell(void *watch, const struct event *e);
void watch_sample(const struct watch *w, const struct sample *s);

/* Which drops a client wants samples of. */
struct watch_samples {
	__u64 reasons;	   /* bit per reason */
	__u16 service;	   /* 0: all */
	unsigned int rate; /* a second */
};

/*
 * Makes a client a watcher of what @f matches, or of samples. Returns 0,
 * -ENOMEM or -EBUSY: there are as many as may be.
 */
int watch_add(const struct watch *w, struct control_client *c,
	      const struct filter *f);
int watch_add_samples(const struct watch *w, struct control_client *c,
		      const struct watch_samples *want);

#endif
