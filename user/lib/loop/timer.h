/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: one-shot timers of an sd-event loop. For a period, the
 * timer is set again when it fires: a slow handler is never called twice in a
 * row.
 */
#ifndef TIMER_H
#define TIMER_H

#include <systemd/sd-event.h>

#include "synkeeper/types.h"

/* How late it may fire, in microseconds, see sd_event_add_time(3). */
enum timer_accuracy {
	TIMER_LAZY = 0, /* a quarter of a second */
	TIMER_EXACT = 1,
};

/*
 * Adds a timer, off until timer_set(). Free *@ret with timer_free(). Returns 0
 * or -errno, and then *@ret is NULL.
 */
int timer_add(sd_event *loop, sd_event_source **ret,
	      enum timer_accuracy accuracy, sd_event_time_handler_t on,
	      void *data);
/* Fires once, in @us microseconds. Returns 0, or -errno: it is off. */
int timer_set(sd_event_source *timer, __u64 us);
bool timer_is_set(sd_event_source *timer);
/* Returns NULL. @timer may be NULL. */
sd_event_source *timer_free(sd_event_source *timer);

#endif
