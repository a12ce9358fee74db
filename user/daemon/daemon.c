/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the daemon, as a straight list of steps in daemon_run().
 * Maps and programs are made or taken over, settings and keys and services
 * written, and only then the programs attached: they never see a table half
 * filled. From then on the data path works by itself; the daemon turns keys,
 * follows listeners, tidies the session table and answers the operator, all
 * on one loop; with SIGHUP it reads its configuration anew (reload.c). Ended with SIGTERM or SIGINT it leaves the data path in place
 * (on-exit = keep) or removes it (detach); after SIGKILL its successor takes
 * over what is pinned.
 */
#include <bpf/libbpf.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <systemd/sd-daemon.h>

#include "service/attacks.h"
#include "kernel/clock.h"
#include "process/confine.h"
#include "control/control_server.h"
#include "daemon.h"
#include "log.h"
#include "metrics/metrics.h"
#include "kernel/pins.h"
#include "process/reserve.h"
#include "kernel/syncookies.h"

enum {
	TICK_US = 500000,      /* listeners, settings */
	RETRY_NS = 1000000000, /* a key that could not be made */
};

static int add_services(struct daemon *d)
{
	size_t i;
	int err;

	err = nat_init(&d->sessions, &d->nat);
	if (!err)
		err = services_init(&d->loader, &d->sessions, d->nat,
				    &d->services);
	for (i = 0; i < d->config.n_services && !err; i++)
		err = services_add(d->services, &d->config.services[i], NULL);
	if (err) {
		log_err("cannot set the services up: %s", strerror(-err));
		return err;
	}
	services_drain_rest(d->services, 2 * d->keys.lifetime_ns);
	return 0;
}

int daemon_refresh(struct daemon *d)
{
	struct endpoints_news news;
	int err;

	err = settings_follow(d);
	if (err)
		return err;
	ifaces_follow(d);
	err = services_apply(d->services, d->diag, &d->net, d->settings, &news);
	if (!err && (news.armed || news.own))
		census_now(d, news.own);
	arm_follow(d);
	return err;
}

static void on_nat_changed(void *data)
{
	daemon_refresh(data);
}

static int set_timer(sd_event_source *timer, __u64 ns)
{
	int err = sd_event_source_set_time_relative(timer, ns / 1000);

	if (err >= 0)
		err = sd_event_source_set_enabled(timer, SD_EVENT_ONESHOT);
	return err < 0 ? err : 0;
}

void daemon_time_key(struct daemon *d)
{
	set_timer(d->key_timer, keys_left(&d->keys));
}

int daemon_rotate(struct daemon *d)
{
	int err = keys_rotate(&d->keys);

	set_timer(d->key_timer, err ? RETRY_NS : keys_left(&d->keys));
	return err;
}

static int on_key_timer(sd_event_source *source, uint64_t when, void *data)
{
	(void)source;
	(void)when;
	daemon_rotate(data);
	return 0;
}

/* Puts back what is gone of the pins. Returns how many, or -errno. */
static int put_pins_back(struct daemon *d)
{
	int n = loader_repin(&d->loader), more;
	size_t i;

	for (i = 0; n >= 0 && i < d->n_ifaces; i++) {
		if (!d->ifaces[i].on)
			continue;
		more = attach_repin(&d->loader, &d->ifaces[i]);
		n = more < 0 ? more : n + more;
	}
	return n;
}

/*
 * Without its pins the data path lives as long as this process: a successor
 * would find nothing to take over.
 */
static void follow_pins(struct daemon *d)
{
	int n;

	if (d->ending || (d->adrift && !backoff_due(&d->to_pin)))
		return;
	reserve_give();
	n = put_pins_back(d);
	reserve_take();
	if (n > 0)
		log_warn("%s: %d pins had been removed, and are put back",
			 d->config.pin_dir, n);
	if (n == -ENOENT && !d->adrift)
		log_warn("%s is gone (was its file system unmounted?): the "
			 "protection goes on, but ends with this process: "
			 "restart synkeeperd when it suits",
			 d->config.pin_dir);
	else if (n < 0 && !d->adrift)
		log_warn("%s: pins were removed and cannot be put back: %s: "
			 "the protection goes on, but ends with this process",
			 d->config.pin_dir, strerror(-n));
	d->adrift = n < 0;
}

static int on_tick(sd_event_source *source, uint64_t when, void *data)
{
	struct daemon *d = data;

	(void)when;
	daemon_refresh(d);
	follow_pins(d);
	watch_follow(d);
	set_timer(source, TICK_US * 1000ULL);
	return 0;
}

static int on_drained(sd_event_source *source, uint64_t when, void *data)
{
	(void)when;
	(void)data;
	return sd_event_exit(sd_event_source_get_event(source), 0);
}

void daemon_end(struct daemon *d, enum config_exit how)
{
	bool again = d->ending;

	if (how == EXIT_DETACH && !again) {
		d->ending = true;
		__atomic_or_fetch(&d->settings->flags, SETTING_DISARMED,
				  __ATOMIC_SEQ_CST);
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

	(void)source;
	log_info("%s: ending", si->ssi_signo == SIGINT ? "SIGINT" : "SIGTERM");
	daemon_end(d, d->adrift ? EXIT_DETACH : d->config.on_exit);
	return 0;
}

static int on_hangup(sd_event_source *source, const struct signalfd_siginfo *si,
		     void *data)
{
	char err[CONFIG_ERR_MAX] = "";
	json_t *report = NULL;

	(void)source;
	(void)si;
	if (daemon_reload(data, &report, err))
		log_err("reload: %s: nothing was changed", err);
	json_decref(report);
	return 0;
}

static int start_loop(struct daemon *d)
{
	sigset_t set;
	int err;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);

	err = sd_event_new(&d->loop);
	if (err >= 0)
		err = sd_event_set_watchdog(d->loop, true);
	if (err >= 0)
		err = sd_event_add_signal(d->loop, NULL, SIGINT, on_signal, d);
	if (err >= 0)
		err = sd_event_add_signal(d->loop, NULL, SIGTERM, on_signal, d);
	if (err >= 0)
		err = sd_event_add_signal(d->loop, NULL, SIGHUP, on_hangup, d);
	if (err >= 0)
		err = sd_event_add_time_relative(
			d->loop, &d->key_timer, CLOCK_MONOTONIC,
			keys_left(&d->keys) / 1000, 0, on_key_timer, d);
	if (err >= 0)
		err = sd_event_add_time_relative(d->loop, &d->tick_timer,
						 CLOCK_MONOTONIC, TICK_US, 0,
						 on_tick, d);
	if (err < 0) {
		log_err("cannot set the event loop up: %s", strerror(-err));
		return err;
	}
	nat_follow(d->nat, d->loop, on_nat_changed, d);
	return events_start(d);
}

/* Takes back what this start did, and leaves what it found. */
static void undo(struct daemon *d)
{
	bool found = d->loader.took_over || d->loader.replaces;

	ifaces_detach(d, !found);
	if (!found && d->settings)
		syncookies_restore(d->settings, 0);
	if (!found)
		loader_unpin(&d->loader);
}

void daemon_free(struct daemon *d)
{
	control_stop(d->control);
	metrics_stop(d->metrics);
	ring_buffer__free(d->events);
	link_events_stop(d);
	sd_event_source_unref(d->key_timer);
	sd_event_source_unref(d->tick_timer);
	sd_event_unref(d->loop);
	reaper_stop(&d->reaper);
	census_stop(d);
	arm_stop(d);
	ifaces_close(d);
	attacks_stop(d);
	sessions_free(&d->sessions);
	devices_free(&d->devices);
	services_free(d->services);
	nat_free(d->nat);
	sockdiag_close(d->diag);
	if (d->settings)
		munmap(d->settings, sizeof(*d->settings));
	loader_close(&d->loader);
}

static int take_sources(struct daemon *d)
{
	int fd, err = sources_build(&d->sources, &fd);

	if (!err)
		err = sources_publish(&d->loader, d->settings, fd);
	sources_forget(&d->sources);
	return err;
}

/* Everything before the programs are attached. */
static int prepare(struct daemon *d)
{
	int err;

	err = settings_map(d);
	if (!err)
		err = settings_init(d);
	if (!err)
		err = take_sources(d);
	if (!err)
		err = keys_init(&d->keys, loader_map_fd(&d->loader, MAP_KEYS),
				d->settings,
				d->config.key_lifetime_ms * 1000000ULL,
				d->loader.kept_keys);
	if (!err)
		err = sessions_init(&d->sessions, &d->loader, d->settings,
				    watch_tell, d);
	if (!err) {
		err = sockdiag_open(&d->diag);
		if (err)
			log_err("cannot open sock_diag: %s", strerror(-err));
	}
	if (!err)
		err = add_services(d);
	if (!err)
		err = start_loop(d);
	if (!err)
		err = reaper_start(&d->reaper, d->loop, &d->sessions, d->diag,
				   &d->config);
	if (!err)
		err = census_start(d);
	if (!err)
		err = arm_start(d);
	if (!err)
		err = link_events_start(d);
	if (!err)
		err = attacks_start(d);
	if (!err)
		err = control_start(d->loop, d->config.control,
				    d->config.control_group, request_answer, d,
				    &d->control);
	if (!err && d->config.metrics.port)
		err = metrics_start(d->loop, &d->config.metrics, metrics_text,
				    d, &d->metrics);
	return err;
}

/* Nothing from here on needs more. Without filters the start is no failure. */
static int give_up_rights(void)
{
	int err = caps_drop();

	if (!err) {
		err = confine_syscalls();
		if (err)
			log_warn("system calls cannot be restricted: %s",
				 strerror(-err));
		err = 0;
	}
	return err;
}

/* All that the programs need is in the maps. */
static int be_ready(struct daemon *d)
{
	int err = daemon_refresh(d);

	if (!err)
		__atomic_or_fetch(&d->settings->flags, SETTING_READY,
				  __ATOMIC_SEQ_CST);
	return err;
}

int daemon_run(struct daemon *d)
{
	int err;

	reserve_raise_limit();
	reserve_take();
	d->started_ns = now_ns();
	d->started_s = time(NULL);
	confine_memory();
	err = loader_open(&d->loader, &d->config);
	if (err)
		return err;
	err = prepare(d);
	if (!err)
		err = loader_pin(&d->loader);
	if (!err && d->loader.replaces)
		err = be_ready(d); /* when the old programs are swapped out */
	if (!err)
		err = ifaces_attach(d);
	if (!err)
		err = be_ready(d);
	if (!err)
		err = give_up_rights();
	if (err) {
		undo(d);
		return err;
	}
	sd_notify(0, "READY=1");
	log_info("ready");
	err = sd_event_loop(d->loop);
	if (d->ending) {
		ifaces_detach(d, true);
		syncookies_restore(d->settings, 0);
		loader_unpin(&d->loader);
	}
	ifaces_detach_retired(d);
	return err;
}
