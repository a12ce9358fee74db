/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the daemon as a table of parts, at the end of this file:
 * start reading there. Maps and programs are created or taken over, settings,
 * keys and services written, and only then are the programs attached, so they
 * never see a half-filled table. From then on the data path works by itself;
 * the daemon rotates keys, tracks listeners, maintains the session table and
 * serves requests, all on one event loop. SIGHUP makes it reread its
 * configuration (reload.c). On SIGTERM or SIGINT it leaves the data path in
 * place (on-exit = keep) or removes it (detach); after SIGKILL the next
 * instance takes over what is pinned.
 */
#include <string.h>
#include <systemd/sd-daemon.h>

#include "kernel/clock.h"
#include "log.h"
#include "main_loop.h"
#include "maps/settings.h"
#include "process/confine.h"
#include "process/reserve.h"
#include "state.h"
#include "wiring.h"

/* The maps hold everything that the programs need. */
static int be_ready(struct daemon *d)
{
	int err = parts_refresh(d);

	if (!err)
		settings_set(d->settings, SETTING_READY);
	return err;
}

/* Before an earlier instance's programs are swapped for these. */
static int be_ready_early(struct daemon *d)
{
	return d->loader.replaces ? be_ready(d) : 0;
}

/* Nothing needs more privileges from here on. Missing filters are not fatal. */
static int give_up_rights(struct daemon *d)
{
	int err = caps_drop();

	(void)d;
	if (err)
		return err;
	err = confine_syscalls();
	if (err)
		log_warn("system calls cannot be restricted: %s",
			 strerror(-err));
	return 0;
}

static const struct part parts[] = {
	{ "loader", .start = wire_loader_start, .stop = wire_loader_stop,
	  .detach = wire_loader_detach },
	{ "settings", .start = wire_settings_start, .stop = wire_settings_stop,
	  .detach = wire_settings_detach,
	  .configured = wire_settings_configured },
	{ "sources", .start = wire_sources_start },
	{ "cluster", .start = wire_cluster_start, .stop = wire_cluster_stop,
	  .tick = wire_cluster_tick },
	{ "keys", .start = wire_keys_start,
	  .configured = wire_keys_configured },
	{ "host", .start = wire_host_start, .stop = wire_host_stop,
	  .refresh = wire_host_refresh },
	{ "next hops", .start = wire_next_hops_start,
	  .stop = wire_next_hops_stop, .detach = wire_next_hops_detach,
	  .refresh = wire_next_hops_refresh },
	{ "sessions", .start = wire_sessions_start,
	  .stop = wire_sessions_stop },
	{ "owner", .start = wire_owner_start, .stop = wire_owner_stop },
	{ "interfaces", .start = wire_ifaces_start, .stop = wire_ifaces_stop,
	  .detach = wire_ifaces_detach, .refresh = wire_ifaces_refresh },
	{ "nat", .start = wire_nat_start, .stop = wire_nat_stop },
	{ "services", .start = wire_services_start, .stop = wire_services_stop,
	  .refresh = wire_services_refresh },

	{ "loop", .start = main_loop_start, .stop = main_loop_stop },
	{ "key timer", .start = wire_key_timer_start,
	  .stop = wire_key_timer_stop },
	{ "nat events", .start = wire_nat_events_start },
	{ "events", .start = wire_events_start, .stop = wire_events_stop },
	{ "reaper", .start = wire_reaper_start, .stop = wire_reaper_stop,
	  .configured = wire_reaper_configured },
	{ "lingering splices", .start = wire_lingering_start,
	  .stop = wire_lingering_stop },
	{ "summary", .start = wire_summary_start, .stop = wire_summary_stop },
	{ "resync", .start = wire_resync_start, .stop = wire_resync_stop },
	{ "arm", .start = wire_arm_start, .stop = wire_arm_stop,
	  .refresh = wire_arm_refresh },
	{ "link events", .start = wire_link_events_start,
	  .stop = wire_link_events_stop },
	{ "route events", .start = wire_route_events_start },
	{ "attacks", .start = wire_attacks_start, .stop = wire_attacks_stop },
	{ "control", .start = wire_control_start, .stop = wire_control_stop },
	{ "watch", .start = wire_watch_start, .stop = wire_watch_stop,
	  .tick = wire_watch_tick },
	{ "metrics", .start = wire_metrics_start, .stop = wire_metrics_stop },

	{ "pins", .start = wire_pins_start, .tick = wire_pins_tick },
	{ "ready early", .start = be_ready_early },
	{ "attachments", .start = wire_attachments_start },
	{ "former sessions", .start = wire_former_start },
	{ "ready", .start = be_ready },
	{ "rights", .start = give_up_rights },
	{},
};

int daemon_run(const struct daemon_options *o)
{
	struct daemon d = { .parts = parts,
			    .config = o->config,
			    .sources = o->sources,
			    .configure = o->configure,
			    .loader = LOADER_CLOSED,
			    .started_ns = clock_ns(),
			    .started_s = time(NULL) };
	int err;

	reserve_raise_limit();
	reserve_take();
	confine_memory();
	err = parts_start(&d);
	if (!err) {
		sd_notify(0, "READY=1");
		log_info("ready");
		err = sd_event_loop(d.loop);
		if (d.ending)
			parts_detach(&d, DETACH_ALL);
		parts_detach(&d, DETACH_RETIRED);
	} else {
		parts_detach(&d, d.loader.took_over || d.loader.replaces
					 ? DETACH_NEW
					 : DETACH_ALL);
	}
	parts_stop(&d);
	sources_free(&d.sources);
	config_free(&d.config);
	return err;
}
