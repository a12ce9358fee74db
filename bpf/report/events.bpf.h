/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: events and requests to user space, through one ring
 * buffer. If it is full the loss is counted; verdicts and session stats do not
 * depend on it.
 */
#ifndef SYNKEEPER_EVENTS_BPF_H
#define SYNKEEPER_EVENTS_BPF_H

#include "budget.bpf.h"
#include "flow.bpf.h"
#include "maps.bpf.h"

/* Returns an event to fill in and submit, or NULL after counting the loss. */
static __always_inline struct event *
report_begin(enum event_kind kind, __u32 service, const struct tuple *tuple)
{
	struct event *e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
	const struct settings *cfg;
	struct session_totals *t;

	if (!e) {
		cfg = get_settings();
		t = cfg ? get_totals(cfg, service) : NULL;
		if (t)
			__sync_fetch_and_add(&t->lost, 1);
		return NULL;
	}
	__builtin_memset(e, 0, sizeof(*e));
	e->kind = kind;
	e->service = service;
	e->when_ns = bpf_ktime_get_ns();
	e->tuple = *tuple;
	return e;
}

static __always_inline void report(enum event_kind kind, __u32 service,
				   const struct tuple *tuple)
{
	struct event *e = report_begin(kind, service, tuple);

	if (e)
		bpf_ringbuf_submit(e, 0);
}

/*
 * Wakes the daemon early in a flood on a service of policy auto: its own looks
 * are ARMING_LOOK_MS apart. It decides by its own counters, so this may be
 * wrong; it must only be rare when calm, and cheap always.
 */
static __always_inline void report_disarmed_syn(const struct flow *f)
{
	if (budget_nth(BUDGET_SYN_COUNT, RUSH_SYNS) &&
	    budget_take_in(BUDGET_SYN_RUSH, RUSH_SHIFT, 1))
		report(EVENT_SYN_RUSH, f->ep.service, &f->pkt.tuple);
}

#endif
