/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: session events for those who watch. While nobody does,
 * the BPF programs send none. A line is made once for all watchers, by hand:
 * there may be a hundred thousand a second, and none of its strings needs
 * escaping but a service's name, which check_name() keeps simple.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "daemon.h"

struct told {
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

static bool wants(const void *mark, const void *data)
{
	const struct told *t = data;
	const struct event *e = t->event;
	struct session s = { .tuple = e->tuple };
	__u32 now = ns_to_ticks(e->when_ns);

	s.live.state = e->left;
	s.live.service = e->service;
	s.live.seen = now;
	s.born = now - e->age;
	return filter_match(mark, &s, t->info, now);
}

static double realtime(__u64 monotonic_ns)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9 -
	       (double)(now_ns() - monotonic_ns) / 1e9;
}

static const char *line(const void *data)
{
	static char buf[512];
	const struct told *t = data;
	const struct event *e = t->event;
	char client[LISTEN_STRLEN], server[LISTEN_STRLEN];
	const char *by = event_names[e->told % SESSION_EVENTS].by;

	snprintf(buf, sizeof(buf),
		 "{\"time\":%.6f,\"event\":\"%s\",%s%s%s\"client\":\"%s\","
		 "\"server\":\"%s\",\"service\":%u,\"name\":\"%s\","
		 "\"left\":\"%s\",\"duration_s\":%.3f}\n",
		 realtime(e->when_ns),
		 event_names[e->told % SESSION_EVENTS].event,
		 *by ? "\"by\":\"" : "", by, *by ? "\"," : "",
		 endpoint_format(e->tuple.client, e->tuple.client_port, client),
		 endpoint_format(e->tuple.server, e->tuple.server_port, server),
		 e->service, t->info ? t->info->name : "",
		 filter_state_name(e->left), ticks_to_ms(e->age) / 1000.0);
	return buf;
}

void watch_tell(void *data, const struct event *e)
{
	struct daemon *d = data;
	struct told t = { .event = e,
			  .info = services_info(d->services, e->service) };

	if (d->control)
		control_broadcast(d->control, wants, line, &t);
}

void watch_follow(struct daemon *d)
{
	if (control_watchers(d->control))
		__atomic_or_fetch(&d->settings->flags, SETTING_WATCHED,
				  __ATOMIC_SEQ_CST);
	else
		__atomic_and_fetch(&d->settings->flags, ~SETTING_WATCHED,
				   __ATOMIC_SEQ_CST);
}

int watch_add(struct daemon *d, struct control_client *c,
	      const struct filter *f)
{
	struct filter *mark = malloc(sizeof(*mark));

	if (!mark)
		return -ENOMEM;
	*mark = *f;
	control_watch(c, mark);
	watch_follow(d);
	return 0;
}
