/* SPDX-License-Identifier: GPL-2.0-only */
#include <errno.h>
#include <string.h>

#include "kernel/clock.h"
#include "lingering.h"
#include "log.h"
#include "loop/timer.h"

enum { PERIOD_US = 5000000, PAUSE_US = 20000, LINGER_MS = 10000 };

/* Does the table have a session that @e belongs to, or that may reopen? */
static bool has_session(const struct lingering *l,
			const struct splices_entry *e, bool *ret_live)
{
	const struct session *s;
	__u32 slot;

	s = sessions_find(l->sessions, &e->tuple, &slot);
	*ret_live = s && session_is_live(s->live.state) &&
		    s->live.flags & SESSION_SPLICED;
	return *ret_live || (s && s->live.state == SESSION_TIME_WAIT) ||
	       (s && s->live.flags & SESSION_SPLICED);
}

static int look(struct lingering *l, struct splices *walk, bool removes)
{
	struct splices_entry batch[SPLICES_BATCH];
	__u32 now = ns_to_ticks(clock_ns());
	int i, n = splices_walk(walk, batch);

	for (i = 0; i < n; i++) {
		bool live;

		l->seen++;
		if (!has_session(l, &batch[i], &live) && removes &&
		    ms_since(now, batch[i].splice.seen) > LINGER_MS)
			splices_remove(walk, &batch[i].tuple);
		l->live += live;
	}
	return n;
}

static int on_timer(sd_event_source *source, uint64_t when, void *data)
{
	struct lingering *l = data;
	int n = look(l, l->splices, true);

	(void)when;
	if (n < 0)
		log_warn("cannot read the spliced connections: %s",
			 strerror(-n));
	if (n > 0 && l->splices->walking) {
		timer_set(source, PAUSE_US);
		return 0;
	}
	l->splices->walking = false;
	l->total = l->seen;
	l->spliced = l->live;
	l->seen = l->live = 0;
	timer_set(source, PERIOD_US);
	return 0;
}

__u32 lingering_count_live(const struct lingering *l)
{
	struct lingering count = { .sessions = l->sessions };
	struct splices walk = *l->splices;

	walk.walking = false;
	while (look(&count, &walk, false) > 0 && walk.walking)
		;
	return count.live;
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
