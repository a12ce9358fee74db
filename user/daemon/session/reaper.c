/* SPDX-License-Identifier: GPL-2.0-only */
#include <errno.h>
#include <string.h>

#include "kernel/clock.h"
#include "log.h"
#include "loop/timer.h"
#include "reaper.h"

enum {
	SLICE_US = 3000,	/* of one walk, queries included */
	SLICE_PAUSE_US = 17000, /* before the next slice of a walk */
	TIMEOUTS_PERIOD_US = 1000000,
	AUDIT_PERIOD_US = 30000000,
	AUDIT_IDLE_MS = 30000, /* the audit skips fresher ones */
	ASK_PENDING_MS = 1000, /* queried after being idle this long */
};

static __u32 ticks_of(__u64 ms)
{
	return ns_to_ticks(ms * 1000000);
}

static __u32 gone(union session_word w)
{
	return w.flags & SESSION_RST ? 1 << INPUT_GONE_RESET : 1 << INPUT_GONE;
}

/*
 * Has the kernel processed the client's FIN? XDP saw it first, so the kernel is
 * queried from the second visit on, until it has.
 */
static void prove_fin(struct reaper *r, __u32 slot, union session_word w)
{
	struct session *e = sessions_at(r->sessions, slot);
	int kernel;

	if (!(w.flags & SESSION_FIN_BEFORE)) {
		sessions_flag(r->sessions, slot, SESSION_FIN_BEFORE);
		return;
	}
	kernel = owner_state(r->owner, &e->tuple);
	if (kernel > 0)
		sessions_feed(r->sessions, slot,
			      session_corrected(w.state, kernel),
			      session_seen_in(kernel) & 1 << INPUT_CLIENT_FIN
				      ? SESSION_FIN | SESSION_FIN_BEFORE
				      : 0);
}

/*
 * A cookie was valid, but the kernel was not seen to accept the packet: if it
 * did, it has the socket by now. If something prevented that, the client may
 * wait silently: it is probed once, and its reply carries the cookie again.
 */
static void not_taken(struct reaper *r, __u32 slot)
{
	struct session *e = sessions_at(r->sessions, slot);
	int kernel = owner_state(r->owner, &e->tuple);

	if (kernel > 0 && kernel != KERNEL_TIME_WAIT &&
	    session_seen_in(kernel) & 1 << INPUT_SOCKET) {
		sessions_feed(r->sessions, slot,
			      session_corrected(SESSION_OPENING, kernel), 0);
	} else {
		probe_send(r->raw, e);
		sessions_feed(r->sessions, slot, 1 << INPUT_IDLE, 0);
	}
}

/* Unlike one with a socket, it cannot go on without its entry. */
static void time_out_spliced(struct reaper *r, __u32 slot, union session_word w,
			     __u32 idle)
{
	struct tuple t = sessions_at(r->sessions, slot)->tuple;

	if (idle < r->splice_limits[w.state])
		return;
	if (sessions_feed(r->sessions, slot, 1 << INPUT_IDLE, 0) &&
	    w.state != SESSION_TIME_WAIT)
		owner_end(r->owner, &t);
}

/* Its packets are all that is known of it. */
static void time_out_behind(struct reaper *r, __u32 slot, union session_word w,
			    __u32 idle, bool over)
{
	if (w.flags & SESSION_RST && idle >= ticks_of(ASK_PENDING_MS))
		sessions_feed(r->sessions, slot, gone(w), 0);
	else if (over)
		sessions_feed(r->sessions, slot, 1 << INPUT_IDLE, 0);
}

static void time_out(struct reaper *r, __u32 slot, union session_word w,
		     __u32 idle)
{
	bool over = idle >= r->limits[w.state];
	int kernel;

	if (w.flags & SESSION_SPLICED) {
		time_out_spliced(r, slot, w, idle);
		return;
	}
	if (w.state == SESSION_OPENING &&
	    sessions_at(r->sessions, slot)->server_isn) {
		if (idle >= ticks_of(ASK_PENDING_MS))
			not_taken(r, slot);
		return;
	}

	if (w.state == SESSION_TIME_WAIT) {
		if (over)
			sessions_feed(r->sessions, slot, 1 << INPUT_IDLE, 0);
		return;
	}
	if (w.flags & SESSION_FIN && !over)
		prove_fin(r, slot, w);
	if (!over && !(w.flags & SESSION_RST) &&
	    (w.state != SESSION_PENDING || idle < ticks_of(ASK_PENDING_MS)))
		return;
	kernel = owner_state(r->owner, &sessions_at(r->sessions, slot)->tuple);
	if (kernel > 0) {
		sessions_feed(
			r->sessions, slot, session_corrected(w.state, kernel),
			idle >= ticks_of(ASK_PENDING_MS) ? SESSION_RST : 0);
		if (over && session_is_live(w.state) &&
		    w.state != SESSION_PENDING) {
			sessions_mark(r->sessions,
				      &sessions_at(r->sessions, slot)->tuple);
			sessions_feed(r->sessions, slot, 1 << INPUT_IDLE, 0);
		}
	} else if (kernel == -ENOENT) {
		sessions_feed(r->sessions, slot,
			      gone(w) | (over ? 1 << INPUT_IDLE : 0), 0);
		if (!over && w.state == SESSION_PENDING &&
		    sessions_at(r->sessions, slot)->server_isn)
			/* if lost: the next walk probes again */
			probe_send(r->raw, sessions_at(r->sessions, slot));
	} else if (kernel == -EOPNOTSUPP) {
		time_out_behind(r, slot, w, idle, over);
	}
}

static void audit(struct reaper *r, __u32 slot, union session_word w,
		  __u32 idle)
{
	int kernel;

	if (!session_is_live(w.state) || w.flags & SESSION_SPLICED ||
	    idle < ticks_of(AUDIT_IDLE_MS))
		return;
	kernel = owner_state(r->owner, &sessions_at(r->sessions, slot)->tuple);
	if (kernel > 0)
		sessions_feed(r->sessions, slot,
			      session_corrected(w.state, kernel), 0);
	else if (kernel == -ENOENT)
		sessions_feed(r->sessions, slot, gone(w), 0);
}

/*
 * Continues a walk until the slice is used up. Returns how long to wait before
 * the next call, so that a walk starts once in @period_us.
 */
static __u64 sweep(struct reaper *r, struct sweep *w, __u64 period_us,
		   void (*visit)(struct reaper *r, __u32 slot,
				 union session_word w, __u32 idle))
{
	const struct sessions *s = r->sessions;
	__u64 now = clock_ns(), end = now + SLICE_US * 1000ULL, took;
	__u32 set = w->next_set, slot;

	if (!set)
		w->begun_ns = now;
	for (; set < s->sets; set++) {
		if (!sessions_in_set(s, set))
			continue;
		for (slot = set * SET_WAYS; slot < (set + 1) * SET_WAYS;
		     slot++) {
			union session_word word;
			__u32 idle;

			if (!sessions_in_slot(s, slot))
				continue;
			word.word = __atomic_load_n(
				&sessions_at(s, slot)->live.word,
				__ATOMIC_ACQUIRE);
			idle = ns_to_ticks(now) - word.seen;
			if (word.state != SESSION_FREE && (__s32)idle >= 0)
				visit(r, slot, word, idle);
		}
		now = clock_ns();
		if (now >= end) {
			w->next_set = set + 1;
			if (w->next_set < s->sets)
				return SLICE_PAUSE_US;
		}
	}
	w->next_set = 0;
	took = (clock_ns() - w->begun_ns) / 1000;
	return took < period_us ? period_us - took : SLICE_PAUSE_US;
}

/* At most one line per walk: the table is too small. */
static void log_evictions(struct reaper *r)
{
	struct session_totals sum;

	totals_read(r->sessions->totals, 0, &sum);
	if (sum.events[EV_EVICTED] > r->evictions)
		log_warn("session table full: evicted %llu live sessions, "
			 "which are adopted again: raise [sessions] max",
			 (unsigned long long)(sum.events[EV_EVICTED] -
					      r->evictions));
	r->evictions = sum.events[EV_EVICTED];
}

static int on_timeouts(sd_event_source *source, uint64_t when, void *data)
{
	struct reaper *r = data;

	(void)when;
	timer_set(source, sweep(r, &r->timeouts, TIMEOUTS_PERIOD_US, time_out));
	return 0;
}

static int on_audit(sd_event_source *source, uint64_t when, void *data)
{
	struct reaper *r = data;

	(void)when;
	timer_set(source, sweep(r, &r->audit, AUDIT_PERIOD_US, audit));
	if (!r->audit.next_set)
		log_evictions(r);
	return 0;
}

static int add_timer(sd_event *loop, sd_event_source **ret,
		     sd_event_time_handler_t on, struct reaper *r)
{
	int err = timer_add(loop, ret, TIMER_EXACT, on, r);

	return err ? err : timer_set(*ret, TIMEOUTS_PERIOD_US);
}

void reaper_configure(struct reaper *r, const struct config *c)
{
	__u32 half_closed = ticks_of(c->half_closed_timeout_ms);
	__u32 closing = ticks_of(c->closing_timeout_ms);

	r->limits[SESSION_OPENING] = ticks_of(c->pending_timeout_ms);
	r->limits[SESSION_PENDING] = ticks_of(c->pending_timeout_ms);
	r->limits[SESSION_ESTABLISHED] = ticks_of(c->idle_timeout_ms);
	r->limits[SESSION_HALF_CLOSED_CLIENT] = half_closed;
	r->limits[SESSION_HALF_CLOSED_SERVER] = half_closed;
	r->limits[SESSION_CLOSING] = closing;
	r->limits[SESSION_CLOSING_SERVER] = closing;
	r->limits[SESSION_CLOSING_CLIENT] = closing;
	r->limits[SESSION_TIME_WAIT] = ticks_of(c->time_wait_timeout_ms);
	memcpy(r->splice_limits, r->limits, sizeof(r->splice_limits));
	r->splice_limits[SESSION_OPENING] =
		ticks_of(c->gateway.opening_timeout_ms);
	r->splice_limits[SESSION_ESTABLISHED] =
		ticks_of(c->gateway.idle_timeout_ms);
}

int reaper_start(struct reaper *r, sd_event *loop, struct sessions *s,
		 struct owner *owner, const struct rawtcp *raw,
		 const struct config *c)
{
	struct session_totals sum;
	int err;

	*r = (struct reaper){ .sessions = s, .owner = owner, .raw = raw };
	reaper_configure(r, c);
	totals_read(s->totals, 0, &sum);
	r->evictions = sum.events[EV_EVICTED];
	err = add_timer(loop, &r->timeouts_timer, on_timeouts, r);
	if (!err)
		err = add_timer(loop, &r->audit_timer, on_audit, r);
	if (err)
		log_err("cannot set up the reaper's timers: %s",
			strerror(-err));
	return err;
}

void reaper_stop(struct reaper *r)
{
	if (!r->sessions)
		return; /* never started */
	timer_free(r->timeouts_timer);
	timer_free(r->audit_timer);
}
