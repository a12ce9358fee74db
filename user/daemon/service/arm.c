/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: arms and disarms the services of policy auto. Ten times
 * a second their SYNs are counted, and now and then the queues of those that
 * are not armed, and arming.c decides. The timer runs only if there are any.
 * Counters are read in batches, from the first such service to the last one.
 */
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/clock.h"
#include "daemon.h"
#include "log.h"
#include "kernel/syncookies.h"
#include "text/reason.h"
#include "text/words.h"

enum {
	QUEUE_LOOKS = 5, /* a look at the queues each so many */
	ACCURACY_US = 1, /* 0 would mean a quarter of a second */
};

struct arm_queue {
	__u32 half_open, waiting, backlog;
};

struct arm {
	sd_event_source *timer;
	unsigned int look;
	struct arm_queue *queues; /* by service */
	struct counters *counters;
	struct netconf_counts counts; /* at the last look */
	__u64 overflows;	      /* that tell of too many SYNs, so far */
};

static void count_one(const struct diag_socket *sk, void *data)
{
	struct daemon *d = data;
	__u16 id = services_match(d->services, sk->tuple.server,
				  sk->tuple.server_port);
	struct arm_queue *q = &d->arm->queues[id];

	if (sk->state != TCP_LISTEN) {
		q->half_open++;
		return;
	}
	/* several listeners: the fullest, and the shortest of the queues */
	if (q->waiting < sk->waiting)
		q->waiting = sk->waiting;
	if (!q->backlog || q->backlog > sk->backlog)
		q->backlog = sk->backlog;
}

static void count_queues(struct daemon *d)
{
	memset(d->arm->queues, 0, SERVICES_MAX * sizeof(*d->arm->queues));
	sockdiag_dump(d->diag, 1 << TCP_LISTEN | 1 << TCP_SYN_RECV, count_one,
		      d);
}

static __u64 syns_of(const struct daemon *d, const struct service *svc)
{
	return reason_count(d->arm->counters[svc->id].packets, AS_ARMING);
}

static void log_change(const struct service *svc, const struct arming *a,
		       const struct arming_limits *l)
{
	char text[LISTEN_STRLEN], calm[DURATION_STRLEN];

	listen_format(&svc->listen, text);
	if (!a->armed)
		log_info("%s: disarmed: it was calm for %s", text,
			 duration_format(l->calm_ms, calm));
	else if (a->cause == ARMING_RATE)
		log_warn("%s: armed: %u SYNs in a second", text, a->rate);
	else if (a->cause == ARMING_QUEUE)
		log_warn("%s: armed: its listener's queue is %u of %u", text,
			 a->last.queue, a->last.backlog);
	else
		log_warn("%s: armed: the kernel overflowed a listener's queue",
			 text);
}

/* Returns whether @svc is to be armed or disarmed now. */
static bool look_at(struct daemon *d, const struct service *svc, __u64 now)
{
	const struct arm_queue *q = &d->arm->queues[svc->id];
	struct arming a = svc->arming;
	struct arming_look look = {
		.now_ns = now,
		.syns = syns_of(d, svc),
		.queue = q->half_open > q->waiting ? q->half_open : q->waiting,
		.backlog = q->backlog,
		.overflows = d->arm->overflows,
	};
	bool changed;

	changed = arming_step(&a, &d->config.arming, &look) !=
		  svc->arming.armed;
	if (changed)
		log_change(svc, &a, &d->config.arming);
	services_arm(d->services, svc->id, &a);
	return changed;
}

static bool is_auto(const struct service *svc)
{
	return svc->policy == POLICY_AUTO && !svc->drain_until_ns;
}

/* Returns whether there are any services of policy auto. */
static bool count_syns(struct daemon *d)
{
	const struct service *svc = NULL;
	__u32 first = 0, last = 0;
	int err;

	while ((svc = services_next(d->services, svc))) {
		if (!is_auto(svc))
			continue;
		first = first ? first : svc->id;
		last = svc->id;
	}
	if (!last)
		return false;
	err = stats_read(d, MAP_COUNTERS, first, last - first + 1,
			 &d->arm->counters[first]);
	if (err) /* what was read before stands: no SYN came */
		log_warn("cannot count the SYNs: %s", strerror(-err));
	return true;
}

static void count_overflows(struct daemon *d)
{
	struct netconf_counts *was = &d->arm->counts, now;

	netconf_counts(&now);
	d->arm->overflows += now.accept_overflows - was->accept_overflows +
			     now.request_drops - was->request_drops;
	if (d->net.cookies < SYNCOOKIES_KERNEL)
		d->arm->overflows += now.request_cookies - was->request_cookies;
	*was = now;
}

static int on_look(sd_event_source *source, uint64_t when, void *data)
{
	const struct service *svc = NULL;
	bool changed = false;
	struct daemon *d = data;
	__u64 now = now_ns();

	(void)when;
	if (!count_syns(d))
		return 0;
	count_overflows(d);
	if (d->arm->look++ % QUEUE_LOOKS == 0)
		count_queues(d);
	while ((svc = services_next(d->services, svc))) {
		if (is_auto(svc))
			changed |= look_at(d, svc, now);
	}
	if (changed)
		daemon_refresh(d);
	sd_event_source_set_time_relative(source, ARMING_LOOK_MS * 1000);
	return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

void arm_follow(struct daemon *d)
{
	const struct service *svc = NULL;
	int on;

	if (!d->arm || sd_event_source_get_enabled(d->arm->timer, &on) < 0 ||
	    on != SD_EVENT_OFF)
		return;
	while ((svc = services_next(d->services, svc)))
		if (is_auto(svc)) {
			sd_event_source_set_time_relative(
				d->arm->timer, ARMING_LOOK_MS * 1000);
			sd_event_source_set_enabled(d->arm->timer,
						    SD_EVENT_ONESHOT);
			return;
		}
}

int arm_start(struct daemon *d)
{
	struct arm *arm = calloc(1, sizeof(*arm));
	int err = -ENOMEM;

	if (!arm)
		return err;
	arm->queues = calloc(SERVICES_MAX, sizeof(*arm->queues));
	arm->counters = calloc(SERVICES_MAX, sizeof(*arm->counters));
	if (arm->queues && arm->counters)
		err = sd_event_add_time_relative(
			d->loop, &arm->timer, CLOCK_MONOTONIC,
			ARMING_LOOK_MS * 1000, ACCURACY_US, on_look, d);
	d->arm = arm;
	if (err < 0)
		log_err("cannot follow the rate of SYNs: %s", strerror(-err));
	return err < 0 ? err : 0;
}

void arm_stop(struct daemon *d)
{
	if (!d->arm)
		return;
	sd_event_source_unref(d->arm->timer);
	free(d->arm->queues);
	free(d->arm->counters);
	free(d->arm);
}
