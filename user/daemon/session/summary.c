/* SPDX-License-Identifier: GPL-2.0-only */
#include <string.h>

#include "log.h"
#include "loop/slice.h"
#include "loop/timer.h"
#include "summary.h"
#include "synkeeper/session_summary.h"

enum {
	PERIOD_US = 5000000,
	SOON_US = 1000000, /* the last one has not the size that it should */
	SLICE_US = 3000,
	PAUSE_US = 17000,
	SETS_AT_ONCE = 1024,
};

static union summary_places places(const struct summary *s)
{
	return (union summary_places){
		.both = __atomic_load_n(&s->sessions->settings->summary.both,
					__ATOMIC_RELAXED)
	};
}

static void put_places(struct summary *s, union summary_places at)
{
	__atomic_store_n(&s->sessions->settings->summary.both, at.both,
			 __ATOMIC_SEQ_CST);
}

void summary_begin(struct summary *s)
{
	__u32 sets = s->sessions->sets, words = summary_words(sets, s->found);
	union summary_places at = places(s);
	bool second = !(at.now & sets);

	at.next = 0; /* an earlier instance's, if it died in between */
	put_places(s, at);
	memset(s->sessions->summary + (second ? sets : 0), 0,
	       words * sizeof(*s->sessions->summary));
	at.next = summary_place(sets, words, second);
	put_places(s, at);
	__atomic_thread_fence(__ATOMIC_SEQ_CST); /* W, then R */
	s->next_set = s->found = 0;
	s->building = true;
}

bool summary_walk(struct summary *s, __u32 sets)
{
	const struct sessions *t = s->sessions;
	__u32 place = places(s).next, set = s->next_set, end = t->sets;

	if (sets < end - set)
		end = set + sets;
	for (; set < end; set++) {
		if (table_is_empty(&t->tags[set]))
			continue;
		s->found += table_count(&t->tags[set]);
		summary_put(&t->summary[summary_index(place, t->sets, set)],
			    summary_of_set(&t->tags[set]));
	}
	s->next_set = set;
	return set == t->sets;
}

void summary_finish(struct summary *s)
{
	put_places(s, (union summary_places){ .now = places(s).next });
	s->building = false;
}

/* Is its size what summary_words() says, or nearly? */
static bool fits(const struct summary *s)
{
	__u32 sets = s->sessions->sets, best = summary_words(sets, s->found);
	__u32 words = (places(s).now & (sets - 1)) + 1;

	return words >= best && words <= best * 2;
}

static int on_timer(sd_event_source *source, uint64_t when, void *data)
{
	struct slice slice = slice_begin(SLICE_US);
	struct summary *s = data;
	bool done;

	(void)when;
	if (!s->building)
		summary_begin(s);
	do
		done = summary_walk(s, SETS_AT_ONCE);
	while (!done && !slice_is_over(&slice));
	if (done)
		summary_finish(s);
	timer_set(source, !done ? PAUSE_US : fits(s) ? PERIOD_US : SOON_US);
	return 0;
}

int summary_start(struct summary *s, sd_event *loop, struct sessions *sessions)
{
	int err;

	*s = (struct summary){ .sessions = sessions };
	err = timer_add(loop, &s->timer, TIMER_EXACT, on_timer, s);
	if (!err)
		err = timer_set(s->timer, places(s).now ? SOON_US : 0);
	if (err)
		log_err("cannot set up the summary's timer: %s",
			strerror(-err));
	return err;
}

void summary_stop(struct summary *s)
{
	s->timer = timer_free(s->timer);
}
