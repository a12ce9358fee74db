/* SPDX-License-Identifier: GPL-2.0-only */
#include <errno.h>
#include <string.h>

#include "kernel/clock.h"
#include "lingering.h"
#include "log.h"
#include "loop/timer.h"

enum { PERIOD_US = 5000000, PAUSE_US = 20000, LINGER_MS = 10000 };

/* Does the table have a session that needs @e, or may yet? */
static bool is_needed(const struct session *s)
{
	return s && (s->live.flags & SESSION_SPLICED ||
		     s->live.state == SESSION_TIME_WAIT);
}

static int on_timer(sd_event_source *source, uint64_t when, void *data)
{
	struct splices_entry batch[SPLICES_BATCH];
	__u32 now = ns_to_ticks(clock_ns()), slot;
	struct lingering *l = data;
	int i, n = splices_walk(l->splices, batch);

	(void)when;
	if (n < 0)
		log_warn("cannot read the spliced connections: %s",
			 strerror(-n));
	for (i = 0; i < n; i++)
		if (ms_since(now, batch[i].splice.seen) > LINGER_MS &&
		    !is_needed(
			    sessions_find(l->sessions, &batch[i].tuple, &slot)))
			splices_remove(l->splices, &batch[i].tuple);
	timer_set(source, l->splices->walking ? PAUSE_US : PERIOD_US);
	return 0;
}

__u32 lingering_count_live(const struct lingering *l)
{
	struct splices walk = { .fd = l->splices->fd };
	struct splices_entry batch[SPLICES_BATCH];
	const struct session *s;
	__u32 live = 0, slot;
	int i, n;

	do {
		n = splices_walk(&walk, batch);
		for (i = 0; i < n; i++) {
			s = sessions_find(l->sessions, &batch[i].tuple, &slot);
			live += s && session_is_live(s->live.state) &&
				s->live.flags & SESSION_SPLICED;
		}
	} while (walk.walking);
	return live;
}

int lingering_start(struct lingering *l, sd_event *loop,
		    struct splices *splices, const struct sessions *s)
{
	int err;

	*l = (struct lingering){ .splices = splices, .sessions = s };
	err = timer_add(loop, &l->timer, TIMER_LAZY, on_timer, l);
	if (!err)
		err = timer_set(l->timer, PERIOD_US);
	if (err)
		log_err("cannot set up the timer of spliced connections: %s",
			strerror(-err));
	return err;
}

void lingering_stop(struct lingering *l)
{
	timer_free(l->timer);
}
