/* SPDX-License-Identifier: GPL-2.0-only */
#include <stdio.h>
#include <unistd.h>

#include "daemon_requests.h"
#include "iface/ifaces_json.h"
#include "kernel/clock.h"
#include "kernel/forwarding.h"
#include "kernel/syncookies.h"
#include "main_loop.h"
#include "reload.h"
#include "service/bypass.h"
#include "state.h"
#include "synkeeper/control.h"

static json_t *json_key(const struct keys *k)
{
	return json_pack("{s:i,s:f,s:f}", "epoch", keys_epoch(k), "age_s",
			 request_seconds(keys_current(k).age_ns), "lifetime_s",
			 request_seconds(keys_lifetime(k)));
}

static json_t *json_health(const struct daemon *d)
{
	json_t *list = json_array();
	char line[512];

	services_health(d->services, list);
	bypasses_health(d->bypasses, d->services, list);
	ifaces_health(&d->ifaces, list);
	attacks_health(d->attacks, list);
	cluster_health(&d->cluster, list);
	if (d->pins.gone) {
		snprintf(line, sizeof(line),
			 "%s is gone: a restart cannot take over the running "
			 "data path",
			 d->config.pin_dir);
		json_array_append_new(list, request_text(line));
	}
	if (!keys_left(&d->keys))
		json_array_append_new(
			list,
			json_string("the cookie key is past its lifetime"));
	return list;
}

static json_t *on_status(void *data, struct request *r)
{
	const struct daemon *d = data;
	bool all = ifaces_protect(&d->ifaces) && services_protect(d->services);

	(void)r;
	return json_pack(
		"{s:s,s:i,s:f,s:o,s:o,s:b,s:o,s:o,s:o,s:o,s:o,s:o,s:o}",
		"version", SYNKEEPER_VERSION, "pid", getpid(), "uptime_s",
		request_seconds(clock_ns() - d->started_ns), "config",
		d->config.file ? request_text(d->config.file) : json_null(),
		"pin_dir", request_text(d->config.pin_dir), "protected", all,
		"interfaces", ifaces_json(&d->ifaces), "services",
		services_json(d->services, d->bypasses), "key",
		json_key(&d->keys), "sessions", sessions_json(&d->sessions),
		"total", stats_total_json(d->services, &d->loader), "attacks",
		attacks_json(d->attacks), "health", json_health(d));
}

static json_t *on_reload(void *data, struct request *r)
{
	char err[CONFIG_ERR_MAX] = "";
	json_t *report = NULL;

	if (reload_config(data, &report, err))
		return request_refuse(r, "nothing was changed", "%s", err);
	return report;
}

static void add_forwarding(json_t *restored, __u8 raised)
{
	if (raised & FORWARDING_RAISED4)
		json_array_append_new(restored,
				      json_string(FORWARDING4_NAME " = 0"));
	if (raised & FORWARDING_RAISED6)
		json_array_append_new(restored,
				      json_string(FORWARDING6_NAME " = 0"));
}

static json_t *on_down(void *data, struct request *r)
{
	json_t *names, *restored = json_array();
	struct daemon *d = data;

	if (!json_is_true(json_object_get(r->args, "force"))) {
		__u32 n = lingering_count_live(&d->lingering);

		if (n)
			return request_refuse(
				r, "wait for them to end, or use --force",
				"%u spliced connections would break: what "
				"translates them would be gone",
				n);
	}
	/* restored once the cookies in flight have returned */
	if (d->settings->syncookies_before)
		json_array_append_new(
			restored,
			json_string(d->settings->syncookies_before ==
						    SYNCOOKIES_WAS_1
					    ? SYNCOOKIES_RESTORED "1"
					    : SYNCOOKIES_RESTORED "0"));
	add_forwarding(restored, d->settings->forwarding_raised);
	names = ifaces_names(&d->ifaces);
	main_loop_end(d, EXIT_DETACH);
	return json_pack("{s:o,s:o,s:o,s:o}", "interfaces", names, "restored",
			 restored, "pin_dir", request_text(d->config.pin_dir),
			 "programs", ifaces_programs(&d->ifaces));
}

const struct request_handler daemon_requests[] = {
	{ "status", on_status },
	{ "reload", on_reload },
	{ "down", on_down },
	{},
};
