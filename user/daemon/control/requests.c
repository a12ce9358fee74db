/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the requests of control.h, a function each in a table.
 * Each returns its result as JSON, or NULL after it called refuse(), whose
 * error and hint then are the reply. Nothing is applied by halves: a request
 * is checked whole before it changes anything, and what cannot be put into
 * force is taken back.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "service/attacks.h"
#include "kernel/clock.h"
#include "synkeeper/control.h"
#include "daemon.h"
#include "log.h"
#include "metrics/metrics.h"
#include "text/reason.h"
#include "requests.h"
#include "kernel/syncookies.h"
#include "text/utf8.h"

json_t *refuse(struct request *r, const char *hint, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(r->error, sizeof(r->error), fmt, args);
	va_end(args);
	snprintf(r->hint, sizeof(r->hint), "%s", hint);
	utf8_mend(r->error); /* JSON takes nothing else */
	utf8_mend(r->hint);
	return NULL;
}

static json_t *json_reasons(const struct counters *c)
{
	const struct reason_info *r;
	json_t *o = json_object();
	size_t i;

	for (i = 0; (r = reason_at(i)); i++)
		if (c->packets[r->number])
			json_object_set_new(
				o, r->name,
				json_integer(
					(json_int_t)c->packets[r->number]));
	return o;
}

static void counters_add(struct counters *sum, const struct counters *c)
{
	int i;

	for (i = 0; i < REASON_COUNT; i++)
		sum->packets[i] += c->packets[i];
}

json_t *requests_text(const char *text)
{
	char buf[1024];

	snprintf(buf, sizeof(buf), "%s", text);
	utf8_mend(buf);
	return json_string(buf);
}

static double seconds(__u64 ns)
{
	__u64 tenths = ns / 100000000;

	return (double)tenths / 10; /* more is noise */
}

static json_t *json_key(const struct daemon *d)
{
	__u32 slot = d->settings->epoch & 1;

	return json_pack("{s:i,s:f,s:f}", "epoch", d->settings->epoch, "age_s",
			 seconds(keys_state(&d->keys, slot).age_ns),
			 "lifetime_s", seconds(d->keys.lifetime_ns));
}

static json_t *json_health(const struct daemon *d)
{
	const struct service *svc = NULL;
	json_t *list = json_array();
	char text[LISTEN_STRLEN], line[512];

	while ((svc = services_next(d->services, svc))) {
		if (!service_is_unprotected(svc))
			continue;
		snprintf(line, sizeof(line), "%s is not protected: %s",
			 listen_format(&svc->listen, text), service_why(svc));
		json_array_append_new(list, requests_text(line));
	}
	requests_iface_health(d, list);
	attacks_health(d, list);
	if (d->adrift) {
		snprintf(line, sizeof(line),
			 "%s is gone: a restart will not take over what is "
			 "there now",
			 d->config.pin_dir);
		json_array_append_new(list, requests_text(line));
	}
	if (!keys_left(&d->keys))
		json_array_append_new(list,
				      json_string("the cookie key is overdue"));
	return list;
}

/* Is all that was asked for protected? Where nobody listens nothing is to be. */
static bool all_protected(const struct daemon *d)
{
	const struct service *svc = NULL;
	bool all = ifaces_protect(d);

	while ((svc = services_next(d->services, svc)))
		all = all && (svc->why == WHY_NO_LISTENER ||
			      !service_is_unprotected(svc));
	return all;
}

static json_t *json_sessions(const struct daemon *d,
			     const struct session_totals *t)
{
	const __u64 *alive = t->alive;

	return json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "max",
			 (json_int_t)d->sessions.sets * SET_WAYS / 2, "alive",
			 (json_int_t)totals_alive(t), "pending",
			 (json_int_t)alive[SESSION_PENDING], "established",
			 (json_int_t)alive[SESSION_ESTABLISHED], "half_closed",
			 (json_int_t)(alive[SESSION_HALF_CLOSED_CLIENT] +
				      alive[SESSION_HALF_CLOSED_SERVER]),
			 "closing",
			 (json_int_t)(alive[SESSION_CLOSING] +
				      alive[SESSION_CLOSING_SERVER] +
				      alive[SESSION_CLOSING_CLIENT]),
			 "time_wait", (json_int_t)alive[SESSION_TIME_WAIT]);
}

static json_t *on_status(struct daemon *d, struct request *r)
{
	const struct service *svc = NULL;
	struct session_totals n;
	struct counters sum = {}, *all = NULL;

	(void)r;
	sessions_totals(&d->sessions, 0, &n);
	if (!stats_read_all(d, MAP_COUNTERS, &all)) {
		counters_add(&sum, &all[0]);
		while ((svc = services_next(d->services, svc)))
			counters_add(&sum, &all[svc->id]);
	}
	free(all);
	return json_pack(
		"{s:s,s:i,s:f,s:o,s:o,s:b,s:o,s:o,s:o,s:o,s:o,s:o,s:o}",
		"version", SYNKEEPER_VERSION, "pid", getpid(), "uptime_s",
		seconds(now_ns() - d->started_ns), "config",
		d->config.file ? requests_text(d->config.file) : json_null(),
		"pin_dir", requests_text(d->config.pin_dir), "protected",
		all_protected(d), "interfaces", requests_ifaces(d), "services",
		requests_services(d), "key", json_key(d), "sessions",
		json_sessions(d, &n), "total", json_reasons(&sum), "attacks",
		attacks_json(d), "health", json_health(d));
}

bool arg_listen(struct request *r, struct listen *ret)
{
	const char *text =
		json_string_value(json_object_get(r->args, "listen"));
	const char *why;

	if (!text) {
		refuse(r, "give an address and port, such as 192.0.2.1:443",
		       "no listen in the request");
		return false;
	}
	if (listen_parse(text, ret, &why)) {
		refuse(r, why, "'%s' is no address:port", text);
		return false;
	}
	return true;
}

void hint_services(const struct daemon *d, struct request *r)
{
	const struct service *svc = NULL;
	char text[LISTEN_STRLEN], one[LISTEN_STRLEN + NAME_MAX_LEN + 4];
	char list[sizeof(r->hint) - sizeof("there are ")] = "";

	while ((svc = services_next(d->services, svc))) {
		if (svc->drain_until_ns)
			continue;
		listen_format(&svc->listen, text);
		snprintf(one, sizeof(one), "%s%s%s%s", text,
			 *svc->name ? " (" : "", svc->name,
			 *svc->name ? ")" : "");
		words_append(list, sizeof(list), one);
	}
	snprintf(r->hint, sizeof(r->hint), "there are %s",
		 *list ? list : "none: synkeeper service add A:P adds one");
}

json_t *not_a_service(const struct daemon *d, struct request *r)
{
	refuse(r, "", "%s is no service",
	       json_string_value(json_object_get(r->args, "listen")));
	hint_services(d, r);
	return NULL;
}

json_t *watching(struct request *r, int err)
{
	if (err == -EBUSY)
		return refuse(r, "end a session watch, a capture or a top",
			      "busy: all places for watchers are taken");
	if (err)
		return refuse(r, "", "out of memory");
	return json_pack("{s:b}", "watching", 1);
}

static json_t *on_key_list(struct daemon *d, struct request *r)
{
	__u32 slot, current = d->settings->epoch & 1;
	json_t *list = json_array();

	(void)r;
	for (slot = 0; slot < KEY_SLOTS; slot++) {
		struct key_state state = keys_state(&d->keys, slot);

		if (!state.valid)
			continue;
		json_array_append_new(
			list, json_pack("{s:i,s:s,s:f}", "slot", slot, "state",
					slot >= KEY_OLD	  ? "ended"
					: slot == current ? "current"
							  : "previous",
					"age_s", seconds(state.age_ns)));
	}
	return json_pack("{s:i,s:f,s:o}", "epoch", d->settings->epoch,
			 "lifetime_s", seconds(d->keys.lifetime_ns), "keys",
			 list);
}

static json_t *on_key_rotate(struct daemon *d, struct request *r)
{
	if (daemon_rotate(d))
		return refuse(r, "the daemon's log says why",
			      "the key could not be rotated");
	return json_pack("{s:i}", "epoch", d->settings->epoch);
}

static json_t *stats_one(const char *listen, const char *name,
			 const struct counters *c, const struct counters *would)
{
	return json_pack("{s:s,s:s,s:o,s:o}", "listen", listen, "name", name,
			 "packets", json_reasons(c), "would",
			 json_reasons(would));
}

/* Of the service at @one, or of all if it is NULL; NULL if there is none. */
static json_t *stats_list(struct daemon *d, const struct listen *one,
			  const struct counters *all,
			  const struct counters *would, struct counters *sum)
{
	const struct service *svc = NULL;
	json_t *list = json_array();
	char text[LISTEN_STRLEN];

	if (!one) {
		json_array_append_new(list,
				      stats_one("-", "", &all[0], &would[0]));
		counters_add(sum, &all[0]);
	}
	while ((svc = services_next(d->services, svc))) {
		if (one && !listen_equal(&svc->listen, one))
			continue;
		json_array_append_new(
			list,
			stats_one(listen_format(&svc->listen, text), svc->name,
				  &all[svc->id], &would[svc->id]));
		counters_add(sum, &all[svc->id]);
	}
	if (json_array_size(list))
		return list;
	json_decref(list);
	return NULL;
}

static json_t *on_stats(struct daemon *d, struct request *r)
{
	bool one = json_object_get(r->args, "listen") != NULL;
	struct counters *all = NULL, *would = NULL, sum = {};
	struct listen l = {};
	json_t *list = NULL;
	int err;

	if (one && !arg_listen(r, &l))
		return NULL;
	err = stats_read_all(d, MAP_COUNTERS, &all);
	if (!err)
		err = stats_read_all(d, MAP_WOULD, &would);
	if (!err)
		list = stats_list(d, one ? &l : NULL, all, would, &sum);
	free(all);
	free(would);
	if (err)
		return refuse(r, "", "the counters could not be read: %s",
			      strerror(-err));
	if (!list)
		return not_a_service(d, r);
	return json_pack("{s:o,s:o}", "services", list, "total",
			 json_reasons(&sum));
}

static json_t *on_reload(struct daemon *d, struct request *r)
{
	char err[CONFIG_ERR_MAX] = "";
	json_t *report = NULL;

	if (daemon_reload(d, &report, err))
		return refuse(r, "nothing was changed", "%s", err);
	return report;
}

static json_t *on_down(struct daemon *d, struct request *r)
{
	json_t *names = json_array(), *restored = json_array();
	size_t i;

	/* it will be, when the cookies in flight have come back */
	if (d->settings->syncookies_before)
		json_array_append_new(
			restored,
			json_string(d->settings->syncookies_before ==
						    SYNCOOKIES_WAS_1
					    ? SYNCOOKIES_RESTORED "1"
					    : SYNCOOKIES_RESTORED "0"));
	for (i = 0; i < d->n_ifaces; i++)
		if (d->ifaces[i].ifindex)
			json_array_append_new(names,
					      requests_text(d->ifaces[i].name));
	(void)r;
	daemon_end(d, EXIT_DETACH);
	return json_pack("{s:o,s:o,s:o,s:o}", "interfaces", names, "restored",
			 restored, "pin_dir", requests_text(d->config.pin_dir),
			 "programs", requests_programs(d));
}

static const struct {
	const char *cmd;
	json_t *(*answer)(struct daemon *d, struct request *r);
} requests[] = {
	{ "status", on_status },
	{ "service.list", request_service_list },
	{ "service.add", request_service_add },
	{ "service.del", request_service_del },
	{ "service.policy", request_service_policy },
	{ "key.list", on_key_list },
	{ "key.rotate", on_key_rotate },
	{ "stats", on_stats },
	{ "metrics", request_metrics },
	{ "session.totals", request_session_totals },
	{ "session.kill", request_session_kill },
	{ "session.socket", request_session_socket },
	{ "session.watch", request_session_watch },
	{ "sample.watch", request_sample_watch },
	{ "reload", on_reload },
	{ "down", on_down },
};

static json_t *dispatch(struct daemon *d, struct request *r)
{
	const char *cmd = json_string_value(json_object_get(r->args, "cmd"));
	size_t i;

	if (!cmd)
		return refuse(r, "send {\"cmd\": \"status\"}, a line each",
			      "the request names no cmd");
	for (i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
		if (!strcmp(cmd, requests[i].cmd))
			return requests[i].answer(d, r);
	return refuse(r, "the command may be newer than this daemon",
		      "no request is called '%s'", cmd);
}

json_t *request_answer(struct control_client *client, const char *line,
		       size_t len, void *data)
{
	struct request r = { .client = client };
	struct daemon *d = data;
	json_error_t error;
	json_t *result;

	r.args = json_loadb(line, len, JSON_REJECT_DUPLICATES, &error);
	if (!json_is_object(r.args))
		result = refuse(&r, "send one JSON object a line",
				"the request is no JSON object");
	else
		result = dispatch(d, &r);
	json_decref(r.args);
	if (r.in_parts)
		return NULL;
	if (!result && !*r.error)
		refuse(&r, "try again", "out of memory");
	if (!result)
		return json_pack("{s:b,s:s,s:s}", "ok", 0, "error", r.error,
				 "hint", r.hint);
	return json_pack("{s:b,s:o}", "ok", 1, "result", result);
}
