/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: timers of an sd-event loop that fire once each time that
 * they are set. Whoever wants a period sets its timer again when it fires, so
 * that what takes long is never called twice in a row.
 */
#ifndef TIMER_H
#define TIMER_H

#include <systemd/sd-event.h>

#include "synkeeper/types.h"

/* How late it may fire, in microseconds; as sd_event_add_time(3) has it. */
enum timer_accuracy {
	TIMER_LAZY = 0, /* a quarter of a second */
	TIMER_EXACT = 1,
};

/*
 * Adds a timer that is off until timer_set(). *@ret is for timer_free().
 * Returns 0 or -errno, and *@ret is NULL then.
 */
int timer_add(sd_event *loop, sd_event_source **ret,
	      enum timer_accuracy accuracy, sd_event_time_handler_t on,
	      void *data);
/* Fires once, in @us microseconds. Returns 0 or -errno: it is off. */
int timer_set(sd_event_source *timer, __u64 us);
bool timer_is_set(sd_event_source *timer);
/* Returns NULL; NULL is nothing to do. */
sd_event_source *timer_free(sd_event_source *timer);

#endif
