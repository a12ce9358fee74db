/* SPDX-License-Identifier: GPL-2.0-only */
#include <signal.h>
#include <string.h>

#include "kernel/pins.h"
#include "log.h"
#include "loop/timer.h"
#include "main_loop.h"
#include "maps/settings.h"
#include "part.h"
#include "reload.h"
#include "state.h"

enum { TICK_US = 500000 };

static int on_tick(sd_event_source *source, uint64_t when, void *data)
{
	(void)when;
	parts_tick(data);
	timer_set(source, TICK_US);
	return 0;
}

static int on_drained(sd_event_source *source, uint64_t when, void *data)
{
	(void)when;
	(void)data;
	return sd_event_exit(sd_event_source_get_event(source), 0);
}

void main_loop_end(struct daemon *d, enum config_exit how)
{
	bool again = d->ending;

	if (how == EXIT_DETACH && !again) {
		d->ending = true;
		ifaces_end(&d->ifaces);
		settings_set(d->settings, SETTING_DISARMED);
		if (sd_event_add_time_relative(d->loop, NULL, CLOCK_MONOTONIC,
					       PINS_DRAIN_MS * 1000ULL, 0,
					       on_drained, d) >= 0)
			return;
	}
	sd_event_exit(d->loop, 0);
}

static int on_signal(sd_event_source *source, const struct signalfd_siginfo *si,
		     void *data)
{
	struct daemon *d = data;
	enum config_exit how = d->config.on_exit;

	(void)source;
	log_info("%s: exiting", si->ssi_signo == SIGINT ? "SIGINT" : "SIGTERM");
	if (d->pins.gone)
		how = EXIT_DETACH;
	else if (how == EXIT_DETACH && lingering_count_live(&d->lingering)) {
		log_warn("spliced connections are alive: staying attached, "
			 "which synkeeper down --force ends");
		how = EXIT_KEEP;
	}
	main_loop_end(d, how);
	return 0;
}

static int on_hangup(sd_event_source *source, const struct signalfd_siginfo *si,
		     void *data)
{
	char err[CONFIG_ERR_MAX] = "";
	json_t *report = NULL;

	(void)source;
	(void)si;
	if (reload_config(data, &report, err))
		log_err("reload: %s: nothing was changed", err);
	json_decref(report);
	return 0;
}

static int add_signals(struct daemon *d)
{
	sigset_t set;
	int err;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);

	err = sd_event_add_signal(d->loop, NULL, SIGINT, on_signal, d);
	if (err >= 0)
		err = sd_event_add_signal(d->loop, NULL, SIGTERM, on_signal, d);
	if (err >= 0)
		err = sd_event_add_signal(d->loop, NULL, SIGHUP, on_hangup, d);
	return err;
}

int main_loop_start(struct daemon *d)
{
	int err = sd_event_new(&d->loop);

	if (err >= 0)
		err = sd_event_set_watchdog(d->loop, true);
	if (err >= 0)
		err = add_signals(d);
	if (err >= 0)
		err = timer_add(d->loop, &d->tick, TIMER_LAZY, on_tick, d);
	if (err >= 0)
		err = timer_set(d->tick, TICK_US);
	if (err < 0)
		log_err("cannot set up the event loop: %s", strerror(-err));
	return err < 0 ? err : 0;
}

void main_loop_stop(struct daemon *d)
{
	d->tick = timer_free(d->tick);
	d->loop = sd_event_unref(d->loop);
}
