/* SPDX-License-Identifier: GPL-2.0-only */
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#include "arm.h"
#include "kernel/clock.h"
#include "kernel/syncookies.h"
#include "log.h"
#include "loop/timer.h"
#include "maps/stats.h"
#include "text/reason.h"
#include "text/words.h"

enum {
	QUEUE_POLLS = 5, /* between two looks at queues */
};

struct arm_queue {
	__u32 half_open, waiting, backlog;
};

struct arm {
	struct arm_deps deps;
	sd_event_source *timer;
	unsigned int polls;
	struct arm_queue *queues; /* by service */
	struct counters *counters;
	struct netconf_counts counts; /* at the last poll */
	__u64 overflows;	      /* caused by too many SYNs, so far */
};

static void count_one(const struct owner_socket *sk, void *data)
{
	struct arm *arm = data;
	__u16 id = services_match(arm->deps.services, sk->tuple.server,
				  sk->tuple.server_port);
	struct arm_queue *q = &arm->queues[id];

	if (sk->state != TCP_LISTEN) {
		q->half_open++;
		return;
	}
	/* several listeners: the fullest queue and the smallest backlog */
	if (q->waiting < sk->waiting)
		q->waiting = sk->waiting;
	if (!q->backlog || q->backlog > sk->backlog)
		q->backlog = sk->backlog;
}

static void count_queues(struct arm *arm)
{
	memset(arm->queues, 0, SERVICES_MAX * sizeof(*arm->queues));
	owner_each_queue(arm->deps.owner, count_one, arm);
}

static __u64 syns_of(const struct arm *arm, const struct service *svc)
{
	return reason_count(arm->counters[svc->id].packets, AS_ARMING);
}

static void log_change(const struct service *svc, const struct arming *a,
		       const struct arming_limits *l)
{
	char text[LISTEN_STRLEN], calm[DURATION_STRLEN];

	listen_format(&svc->listen, text);
	if (!a->armed)
		log_info("%s: disarmed: no flood for %s", text,
			 duration_format(l->calm_ms, calm));
	else if (a->cause == ARMING_RATE)
		log_warn("%s: armed: %u SYNs in one second", text, a->rate);
	else if (a->cause == ARMING_QUEUE)
		log_warn("%s: armed: its listener's queue is %u of %u", text,
			 a->last.queue, a->last.backlog);
	else
		log_warn("%s: armed: the kernel overflowed a listener's queue",
			 text);
}

/* Returns whether @svc has to be armed or disarmed now. */
static bool look_at(struct arm *arm, const struct service *svc, __u64 now)
{
	const struct arm_queue *q = &arm->queues[svc->id];
	struct arming a = svc->arming;
	struct arming_look look = {
		.clock_ns = now,
		.syns = syns_of(arm, svc),
		.queue = q->half_open > q->waiting ? q->half_open : q->waiting,
		.backlog = q->backlog,
		.overflows = arm->overflows,
	};
	bool changed;

	changed = arming_step(&a, arm->deps.limits, &look) != svc->arming.armed;
	if (changed)
		log_change(svc, &a, arm->deps.limits);
	services_arm(arm->deps.services, svc->id, &a);
	return changed;
}

static bool is_auto(const struct service *svc)
{
	return service_is_auto(svc) && !svc->drain_until_ns;
}

/* Returns whether there are any services of policy auto. */
static bool count_syns(struct arm *arm)
{
	const struct service *svc = NULL;
	__u32 first = 0, last = 0;
	int err;

	while ((svc = services_next(arm->deps.services, svc))) {
		if (!is_auto(svc))
			continue;
		first = first ? first : svc->id;
		last = svc->id;
	}
	if (!last)
		return false;
	err = stats_read(arm->deps.loader, MAP_COUNTERS, first,
			 last - first + 1, &arm->counters[first]);
	if (err) /* the previous counts stay: no SYN counted */
		log_warn("cannot count the SYNs: %s", strerror(-err));
	return true;
}

static void count_overflows(struct arm *arm)
{
	struct netconf_counts *was = &arm->counts, now;

	netconf_counts(&now);
	arm->overflows += now.accept_overflows - was->accept_overflows +
			  now.request_drops - was->request_drops;
	if (arm->deps.net->cookies < SYNCOOKIES_KERNEL)
		arm->overflows += now.request_cookies - was->request_cookies;
	*was = now;
}

/* Returns whether there are any services of policy auto. */
static bool look(struct arm *arm)
{
	const struct service *svc = NULL;
	__u64 now = clock_ns();
	bool changed = false;

	if (!count_syns(arm))
		return false;
	count_overflows(arm);
	while ((svc = services_next(arm->deps.services, svc))) {
		if (is_auto(svc))
			changed |= look_at(arm, svc, now);
	}
	if (changed)
		arm->deps.changed(arm->deps.data);
	return true;
}

static int on_timer(sd_event_source *source, uint64_t when, void *data)
{
	struct arm *arm = data;

	(void)when;
	if (arm->polls++ % QUEUE_POLLS == 0)
		count_queues(arm);
	return look(arm) ? timer_set(source, ARMING_LOOK_MS * 1000) : 0;
}

void arm_look_now(struct arm *arm)
{
	if (timer_is_set(arm->timer)) /* there are such services */
		look(arm);
}

void arm_poll(struct arm *arm)
{
	const struct service *svc = NULL;

	if (timer_is_set(arm->timer))
		return;
	while ((svc = services_next(arm->deps.services, svc)))
		if (is_auto(svc)) {
			timer_set(arm->timer, ARMING_LOOK_MS * 1000);
			return;
		}
}

int arm_start(const struct arm_deps *deps, struct arm **ret)
{
	struct arm *arm = calloc(1, sizeof(*arm));
	int err = -ENOMEM;

	if (!arm)
		return err;
	arm->deps = *deps;
	arm->queues = calloc(SERVICES_MAX, sizeof(*arm->queues));
	arm->counters = calloc(SERVICES_MAX, sizeof(*arm->counters));
	if (arm->queues && arm->counters)
		err = timer_add(deps->loop, &arm->timer, TIMER_EXACT, on_timer,
				arm);
	if (!err)
		err = timer_set(arm->timer, ARMING_LOOK_MS * 1000);
	if (err) {
		log_err("cannot poll the SYN rate: %s", strerror(-err));
		arm_stop(arm);
		return err;
	}
	*ret = arm;
	return 0;
}

void arm_stop(struct arm *arm)
{
	if (!arm)
		return;
	timer_free(arm->timer);
	free(arm->queues);
	free(arm->counters);
	free(arm);
}
