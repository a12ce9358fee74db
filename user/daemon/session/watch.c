/* SPDX-License-Identifier: GPL-2.0-only */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/clock.h"
#include "maps/settings.h"
#include "text/reason.h"
#include "watch.h"

/* What a watcher subscribed to. */
struct subscription {
	bool samples; /* false: session events */
	union {
		struct filter filter;
		struct {
			struct watch_samples want;
			__u64 second; /* of the rate's budget */
			unsigned int used;
		};
	};
};

struct events {
	const struct event *event;
	const struct service_info *info; /* of the service; may be NULL */
};

static const struct {
	const char *event, *by;
} event_names[] = { { "", "" },
#define X(name, event, by, text) { event, by },
		    SYNKEEPER_EVENTS(X)
#undef X
};

static bool wants_event(void *data, const void *what)
{
	const struct subscription *subscription = data;
	const struct events *t = what;
	const struct event *e = t->event;
	struct session s = { .tuple = e->tuple };
	__u32 now = ns_to_ticks(e->when_ns);

	if (subscription->samples)
		return false;
	s.live.state = e->left;
	s.live.service = e->service;
	s.live.seen = now;
	s.born = now - e->age;
	return filter_match(&subscription->filter, &s, t->info, now);
}

static const char *event_line(const void *data)
{
	static char buf[512];
	const struct events *t = data;
	const struct event *e = t->event;
	char client[LISTEN_STRLEN], server[LISTEN_STRLEN];
	const char *by = event_names[e->what % SESSION_EVENTS].by;

	snprintf(buf, sizeof(buf),
		 "{\"time\":%.6f,\"event\":\"%s\",%s%s%s\"client\":\"%s\","
		 "\"server\":\"%s\",\"service\":%u,\"name\":\"%s\","
		 "\"left\":\"%s\",\"duration_s\":%.3f}\n",
		 realtime_of(e->when_ns),
		 event_names[e->what % SESSION_EVENTS].event,
		 *by ? "\"by\":\"" : "", by, *by ? "\"," : "",
		 endpoint_format(e->tuple.client, e->tuple.client_port, client),
		 endpoint_format(e->tuple.server, e->tuple.server_port, server),
		 e->service, t->info ? t->info->name : "",
		 filter_state_name(e->left), ticks_to_ms(e->age) / 1000.0);
	return buf;
}

void watch_tell(void *data, const struct event *e)
{
	const struct watch *w = data;
	struct events t = { .event = e };

	if (!w->deps.server)
		return;
	t.info = services_info(w->deps.services, e->service);
	control_broadcast(w->deps.server, wants_event, event_line, &t);
}

struct sampled {
	const struct sample *sample;
	const struct service_info *info; /* NULL: no service */
	const char *iface;
};

/* The programs send what the most demanding watcher wants; others get less. */
static bool wants_sample(void *data, const void *what)
{
	const struct sampled *t = what;
	struct subscription *m = data;
	__u64 second = t->sample->when_ns / 1000000000;

	if (!m->samples || !(m->want.reasons >> t->sample->reason & 1) ||
	    (m->want.service && m->want.service != t->sample->service))
		return false;
	if (m->second != second) {
		m->second = second;
		m->used = 0;
	}
	return m->used++ < m->want.rate;
}

static const char *sample_line(const void *data)
{
	static char buf[1024];
	const struct sampled *t = data;
	const struct sample *s = t->sample;
	const struct reason_info *reason = reason_at(s->reason - 1);
	char client[LISTEN_STRLEN], server[LISTEN_STRLEN];
	char listen[LISTEN_STRLEN] = "-", hex[2 * SAMPLE_BYTES + 1] = "";
	struct listen l;
	int i;

	if (t->info) {
		l = service_listen(t->info);
		listen_format(&l, listen);
	}
	for (i = 0; i < s->data_len; i++)
		sprintf(hex + 2 * i, "%02x", s->data[i]);
	snprintf(buf, sizeof(buf),
		 "{\"time\":%.6f,\"event\":\"sample\",\"reason\":\"%s\","
		 "\"listen\":\"%s\",\"iface\":\"%s\",\"client\":\"%s\","
		 "\"server\":\"%s\",\"length\":%u,\"data\":\"%s\"}\n",
		 realtime_of(s->when_ns), reason ? reason->name : "", listen,
		 t->iface,
		 endpoint_format(s->tuple.client, s->tuple.client_port, client),
		 endpoint_format(s->tuple.server, s->tuple.server_port, server),
		 s->length, hex);
	return buf;
}

void watch_sample(const struct watch *w, const struct sample *s)
{
	struct sampled t = { .sample = s };

	if (!w->deps.server)
		return;
	if (s->service)
		t.info = services_info(w->deps.services, s->service);
	t.iface = ifaces_name(w->deps.ifaces, (int)s->ifindex);
	control_broadcast(w->deps.server, wants_sample, sample_line, &t);
}

/* The sum of all subscriptions. */
struct demand {
	__u32 flags;
	struct watch_samples samples; /* service 0: several */
};

static void add_demand(const void *data, void *ret)
{
	const struct subscription *m = data;
	struct demand *w = ret;

	if (!m->samples) {
		w->flags |= SETTING_WATCHED;
		return;
	}
	if (!(w->flags & SETTING_SAMPLED))
		w->samples.service = m->want.service;
	else if (w->samples.service != m->want.service)
		w->samples.service = 0;
	w->flags |= SETTING_SAMPLED;
	w->samples.reasons |= m->want.reasons;
	if (w->samples.rate < m->want.rate)
		w->samples.rate = m->want.rate;
}

void watch_poll(const struct watch *w)
{
	const __u32 all = SETTING_WATCHED | SETTING_SAMPLED;
	struct settings *s = w->deps.settings;
	struct demand demand = {};

	control_each_subscribed(w->deps.server, add_demand, &demand);
	s->sample_reasons = demand.samples.reasons;
	s->sample_service = demand.samples.service;
	s->samples_per_second = demand.samples.rate;
	settings_set(s, demand.flags);
	settings_clear(s, all & ~demand.flags);
}

static int add(const struct watch *w, struct control_client *c,
	       const struct subscription *want)
{
	struct subscription *subscription = malloc(sizeof(*subscription));
	int err;

	if (!subscription)
		return -ENOMEM;
	*subscription = *want;
	err = control_watch(c, subscription);
	if (err)
		free(subscription);
	else
		watch_poll(w);
	return err;
}

int watch_add(const struct watch *w, struct control_client *c,
	      const struct filter *f)
{
	struct subscription m = { .filter = *f };

	return add(w, c, &m);
}

int watch_add_samples(const struct watch *w, struct control_client *c,
		      const struct watch_samples *want)
{
	struct subscription m = { .samples = true, .want = *want };

	return add(w, c, &m);
}

void watch_start(struct watch *w, const struct watch_deps *deps)
{
	w->deps = *deps;
}

void watch_stop(struct watch *w)
{
	w->deps = (struct watch_deps){};
}
