/* SPDX-License-Identifier: GPL-2.0-only */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "config/config_diff.h"
#include "kernel/clock.h"
#include "log.h"
#include "part.h"
#include "reload.h"
#include "state.h"
#include "text/change.h"

/* The current services, in the form of a configuration. */
static int running_services(const struct daemon *d, struct config *ret)
{
	const struct service *svc = NULL;
	struct config_service *list;
	size_t n = 0;

	while ((svc = services_next(d->services, svc)))
		n++;
	list = calloc(n + 1, sizeof(*list));
	if (!list)
		return -ENOMEM;
	for (n = 0; (svc = services_next(d->services, svc));) {
		if (svc->drain_until_ns)
			continue;
		list[n] = (struct config_service){ .listen = svc->listen,
						   .policy = svc->policy,
						   .cookies = svc->cookies,
						   .owner = svc->owner,
						   .by_hand = svc->by_hand };
		snprintf(list[n++].name, sizeof(list->name), "%s", svc->name);
	}
	ret->services = list;
	ret->n_services = n;
	return 0;
}

/* Applies or reverts one service's change. */
static int set_service(struct daemon *d, const struct config_service *from,
		       const struct config_service *to, __u64 drain_ns)
{
	return to ? services_set(d->services, to, NULL)
		  : services_del(d->services, &from->listen, drain_ns, NULL);
}

/* Reverts the first @n changes; interfaces that were new go without a drain. */
static void undo(struct daemon *d, const struct config_diff *diff, size_t n)
{
	while (n--) {
		const struct config_change *c = &diff->changes[n];

		if (c->kind == CHANGE_SERVICE)
			set_service(d, c->new_service, c->old_service, 0);
		else if (c->new_iface)
			ifaces_remove(&d->ifaces, c->new_iface);
	}
	parts_refresh(d);
}

static const char *why_not(int err)
{
	switch (err) {
	case -ENOSPC:
		return "all service ids are in use";
	case -EPERM:
		return "another XDP program is attached; only starting "
		       "synkeeperd can replace it: restart synkeeperd, or "
		       "detach the program";
	default:
		return strerror(-err);
	}
}

/*
 * Everything that can fail: new interfaces, services. Interfaces that are no
 * longer configured wait until the rest is done.
 */
static int apply_parts(struct daemon *d, const struct config_diff *diff,
		       const struct config *wanted, char *err_text)
{
	struct config how = *wanted; /* not the mode: it is global */
	const char *what = "";
	int err = 0;
	size_t i;

	how.mode = d->config.mode;
	for (i = 0; i < diff->n && !err; i++) {
		const struct config_change *c = &diff->changes[i];

		what = c->what;
		if (c->kind == CHANGE_SERVICE)
			err = set_service(d, c->old_service, c->new_service,
					  keys_cookie_life(&d->keys));
		else if (c->new_iface)
			err = ifaces_add(&d->ifaces, &how, c->new_iface);
	}
	if (err) {
		i--; /* this one was not applied */
	} else {
		what = "services";
		err = parts_refresh(d);
	}
	if (!err)
		return 0;
	undo(d, diff, i);
	snprintf(err_text, CONFIG_ERR_MAX, "%s: cannot be applied: %s", what,
		 why_not(err));
	return err;
}

/* What had to wait for the rest. */
static void finish_ifaces(struct daemon *d, const struct config_diff *diff)
{
	bool came = false;
	size_t i;

	for (i = 0; i < diff->n; i++) {
		struct config_change *c = &diff->changes[i];

		if (c->old_iface && ifaces_retire(&d->ifaces, c->old_iface))
			c->note =
				"no more SYNs are answered; detached in two "
				"seconds, once cookies in flight have returned";
		came = came || c->new_iface;
	}
	if (came) /* its existing connections are unknown */
		resync_now(&d->resync, false);
}

/* Plain values: @wanted's from here on. */
static void take_values(struct daemon *d, struct config *wanted)
{
	struct config old;

	config_swap_fixed(&d->config, wanted);
	old = d->config;
	d->config = *wanted;
	*wanted = old;
	parts_configured(d);
}

static json_t *report_of(const struct config_diff *diff)
{
	json_t *changed = json_array(), *rest = json_array(), *row;
	char line[CHANGE_STRLEN];
	size_t i;

	for (i = 0; i < diff->n; i++) {
		const struct config_change *c = &diff->changes[i];

		row = json_pack("{s:s,s:s?,s:s?,s:s*,s:s*}", "what", c->what,
				"from", c->from, "to", c->to, "needs", c->needs,
				"note", c->note);
		json_array_append_new(c->needs ? rest : changed, row);
		log_info("reload: %s", change_format(c->what, c->from, c->to,
						     c->needs, c->note, line));
	}
	if (!diff->n)
		log_info("reload: nothing changed");
	return json_pack("{s:o,s:o}", "changed", changed, "needs_restart",
			 rest);
}

/* @wanted stays the caller's and afterwards holds what must be freed. */
static int change_to(struct daemon *d, struct config *wanted,
		     json_t **ret_report, char *err_text)
{
	struct config running = d->config;
	struct config_diff diff = {};
	int err;

	running.services = NULL;
	err = running_services(d, &running);
	if (!err)
		err = config_diff(&running, wanted, &diff);
	if (err)
		snprintf(err_text, CONFIG_ERR_MAX, "%s", strerror(-err));
	else
		err = apply_parts(d, &diff, wanted, err_text);
	if (!err) {
		finish_ifaces(d, &diff);
		take_values(d, wanted);
		parts_refresh(d);
		*ret_report = report_of(&diff);
	}
	config_diff_free(&diff);
	free(running.services);
	return err;
}

/*
 * Every step of the lists that can fail, before a million prefixes are built
 * for nothing.
 */
static int read_lists(const struct daemon *d, const struct config *wanted,
		      struct source_list *ret, int *ret_fd, char *err)
{
	int ret_err = sources_read(wanted, ret, err);

	if (ret_err || ret->print == d->sources.print)
		return ret_err;
	ret_err = sources_build(ret, ret_fd);
	if (ret_err)
		snprintf(err, CONFIG_ERR_MAX, "[sources]: cannot be built: %s",
			 strerror(-ret_err));
	return ret_err;
}

/* The configuration names the files; their contents may have changed too. */
static void take_lists(struct daemon *d, struct source_list *lists, int fd,
		       json_t *report)
{
	char from[64], to[64], line[CHANGE_STRLEN];
	const char *what = "[sources] prefixes";

	if (lists->print == d->sources.print ||
	    sources_publish(&d->loader, d->settings, fd))
		return;
	snprintf(from, sizeof(from), "%zu denied, %zu allowed",
		 d->sources.denied, d->sources.allowed);
	snprintf(to, sizeof(to), "%zu denied, %zu allowed", lists->denied,
		 lists->allowed);
	json_array_append_new(json_object_get(report, "changed"),
			      json_pack("{s:s,s:s,s:s}", "what", what, "from",
					from, "to", to));
	log_info("reload: %s", change_format(what, from, to, NULL, NULL, line));
	sources_forget(lists);
	d->sources = *lists;
}

/* The same file, whose contents may have changed. */
static void take_secret(struct daemon *d, struct secrets *fresh, json_t *report)
{
	char from[SECRET_STATE_MAX], to[SECRET_STATE_MAX], line[CHANGE_STRLEN];
	const char *what = "[keys] secrets";

	if (!cluster_take(&d->cluster, fresh, from, to))
		return;
	json_array_append_new(json_object_get(report, "changed"),
			      json_pack("{s:s,s:s,s:s}", "what", what, "from",
					from, "to", to));
	log_info("reload: %s", change_format(what, from, to, NULL, NULL, line));
}

int reload_config(struct daemon *d, json_t **ret_report, char *err)
{
	struct source_list lists = {};
	struct secrets secrets = {};
	struct config wanted;
	int ret = -EBUSY, fd = -1;

	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64,
		   (uint64_t)(clock_ns() / 1000));
	if (d->ending)
		snprintf(err, CONFIG_ERR_MAX, "the daemon is shutting down");
	else
		ret = d->configure(&wanted, err);
	if (!ret) {
		ret = read_lists(d, &wanted, &lists, &fd, err);
		if (!ret)
			ret = cluster_read(&d->cluster, &secrets, err);
		if (!ret)
			ret = change_to(d, &wanted, ret_report, err);
		if (!ret) {
			take_lists(d, &lists, fd, *ret_report);
			take_secret(d, &secrets, *ret_report);
		} else if (fd >= 0) {
			close(fd);
		}
		secrets_wipe(&secrets);
		sources_free(&lists);
		config_free(&wanted);
	}
	sd_notify(0, "READY=1");
	return ret;
}
