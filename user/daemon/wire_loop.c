/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the parts that work on the event loop, wired as wiring.h
 * says: what triggers them, and who answers requests.
 */
#include <string.h>

#include "daemon_requests.h"
#include "service/profile.h"
#include "state.h"
#include "wiring.h"

int wire_key_timer_start(struct daemon *d)
{
	return keys_start(&d->keys, d->loop);
}

void wire_key_timer_stop(struct daemon *d)
{
	keys_stop(&d->keys);
}

static void on_changed(void *daemon)
{
	parts_refresh(daemon);
}

int wire_nat_events_start(struct daemon *d)
{
	nat_subscribe(d->nat, d->loop, on_changed, d);
	return 0;
}

static void on_syn_rush(void *daemon)
{
	struct daemon *d = daemon;

	arm_look_now(d->arm);
}

int wire_events_start(struct daemon *d)
{
	const struct events_deps deps = {
		.loader = &d->loader,
		.sessions = &d->sessions,
		.owner = d->owner,
		.raw = &d->raw,
		.host = &d->host,
		.keys = &d->keys,
		.nat = d->nat,
		.services = d->services,
		.watch = &d->watch,
		.changed = on_changed,
		.syn_rush = on_syn_rush,
		.data = d,
	};

	return events_start(&d->events, d->loop, &deps);
}

void wire_events_stop(struct daemon *d)
{
	events_stop(&d->events);
}

int wire_reaper_start(struct daemon *d)
{
	return reaper_start(&d->reaper, d->loop, &d->sessions, d->owner,
			    &d->raw, &d->config);
}

void wire_reaper_configured(struct daemon *d)
{
	reaper_configure(&d->reaper, &d->config);
}

void wire_reaper_stop(struct daemon *d)
{
	reaper_stop(&d->reaper);
}

int wire_lingering_start(struct daemon *d)
{
	return lingering_start(&d->lingering, d->loop, &d->splices,
			       &d->sessions);
}

void wire_lingering_stop(struct daemon *d)
{
	lingering_stop(&d->lingering);
}

int wire_summary_start(struct daemon *d)
{
	return summary_start(&d->summary, d->loop, &d->sessions);
}

void wire_summary_stop(struct daemon *d)
{
	summary_stop(&d->summary);
}

int wire_resync_start(struct daemon *d)
{
	const struct resync_deps deps = { .sessions = &d->sessions,
					  .services = d->services,
					  .owner = d->owner,
					  .host = &d->host };

	return resync_start(&d->resync, d->loop, &deps);
}

void wire_resync_stop(struct daemon *d)
{
	resync_stop(&d->resync);
}

int wire_arm_start(struct daemon *d)
{
	const struct arm_deps deps = { .loop = d->loop,
				       .loader = &d->loader,
				       .services = d->services,
				       .owner = d->owner,
				       .net = &d->host.net,
				       .limits = &d->config.arming,
				       .changed = on_changed,
				       .data = d };

	return arm_start(&deps, &d->arm);
}

int wire_arm_refresh(struct daemon *d)
{
	arm_poll(d->arm);
	return 0;
}

void wire_arm_stop(struct daemon *d)
{
	arm_stop(d->arm);
}

static void on_link_event(void *daemon)
{
	struct daemon *d = daemon;

	ifaces_poll(&d->ifaces);
}

int wire_link_events_start(struct daemon *d)
{
	return link_events_start(&d->link_events, d->loop, on_link_event, d);
}

void wire_link_events_stop(struct daemon *d)
{
	link_events_stop(&d->link_events);
}

static void on_route_event(void *daemon)
{
	struct daemon *d = daemon;

	if (!d->ending)
		next_hops_poll(&d->next_hops);
	ifaces_poll(&d->ifaces);
}

int wire_route_events_start(struct daemon *d)
{
	return next_hops_watch(&d->next_hops, d->loop, on_route_event, d);
}

int wire_attacks_start(struct daemon *d)
{
	const struct attacks_deps deps = { .loop = d->loop,
					   .loader = &d->loader,
					   .services = d->services,
					   .limits = &d->config.arming };

	return attacks_start(&deps, &d->attacks);
}

void wire_attacks_stop(struct daemon *d)
{
	attacks_stop(d->attacks);
}

static int apply(void *daemon)
{
	return parts_refresh(daemon);
}

int wire_control_start(struct daemon *d)
{
	const struct request_table tables[DAEMON_REQUEST_TABLES] = {
		{ daemon_requests, d },
		{ service_requests, &d->service_requests },
		{ stats_requests, &d->service_requests },
		{ keys_requests, &d->keys },
		{ profile_requests, &d->service_requests },
		{ session_requests, &d->session_requests },
		{ sample_requests, &d->session_requests },
		{ metrics_requests, &d->metrics_sources },
	};

	d->service_requests = (struct service_request_deps){
		.services = d->services,
		.loader = &d->loader,
		.bypasses = d->bypasses,
		.keys = &d->keys,
		.apply = apply,
		.data = d,
	};
	d->session_requests = (struct session_request_deps){
		.sessions = &d->sessions,
		.services = d->services,
		.owner = d->owner,
		.watch = &d->watch,
	};
	d->metrics_sources = (struct metrics_sources){
		.started_s = d->started_s,
		.loader = &d->loader,
		.keys = &d->keys,
		.ifaces = &d->ifaces,
		.services = d->services,
		.attacks = d->attacks,
		.sessions = &d->sessions,
	};
	memcpy(d->requests, tables, sizeof(tables));
	return control_start(d->loop, d->config.control,
			     d->config.control_group, request_answer,
			     d->requests, &d->control);
}

void wire_control_stop(struct daemon *d)
{
	control_stop(d->control);
}

int wire_watch_start(struct daemon *d)
{
	const struct watch_deps deps = { .server = d->control,
					 .settings = d->settings,
					 .services = d->services,
					 .ifaces = &d->ifaces };

	watch_start(&d->watch, &deps);
	return 0;
}

void wire_watch_tick(struct daemon *d)
{
	watch_poll(&d->watch);
}

void wire_watch_stop(struct daemon *d)
{
	watch_stop(&d->watch);
}

int wire_metrics_start(struct daemon *d)
{
	if (!d->config.metrics.port)
		return 0;
	return metrics_start(d->loop, &d->config.metrics, metrics_text,
			     &d->metrics_sources, &d->metrics);
}

void wire_metrics_stop(struct daemon *d)
{
	metrics_stop(d->metrics);
}
