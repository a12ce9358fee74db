/* SPDX-License-Identifier: GPL-2.0-only */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "session/session_copy.h"
#include "loop/slice.h"
#include "service/service_requests.h"
#include "session_requests.h"
#include "synkeeper/session_table.h"

enum { SLICE_US = 2000 };

static void set_count(json_t *o, const char *key, const char *by, __u64 n)
{
	char name[64];
	json_t *old;

	snprintf(name, sizeof(name), "%s%s%s", key, *by ? "-" : "", by);
	old = json_object_get(o, name);
	json_object_set_new(
		o, name, json_integer((json_int_t)n + json_integer_value(old)));
}

static json_t *json_durations(const struct session_totals *t)
{
	static const unsigned int bounds[] = {
#define X(ms) ms,
		SYNKEEPER_DURATIONS(X)
#undef X
	};
	json_t *buckets = json_array();
	json_int_t n = 0;
	int i;

	for (i = 0; i < DURATIONS; i++) {
		n += (json_int_t)t->durations[i];
		json_array_append_new(buckets,
				      i < DURATIONS - 1
					      ? json_pack("{s:f,s:I}", "le_s",
							  bounds[i] / 1000.0,
							  "count", n)
					      : json_pack("{s:I}", "count", n));
	}
	return json_pack("{s:f,s:I,s:o}", "sum_s",
			 (double)t->duration_ticks * (1 << TICK_SHIFT) / 1e9,
			 "count", n, "buckets", buckets);
}

json_t *sessions_json(const struct sessions *s)
{
	struct session_totals t;
	const __u64 *alive = t.alive;

	totals_read(s->totals, 0, &t);
	return json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "max",
			 (json_int_t)sessions_max(s), "alive",
			 (json_int_t)totals_alive(&t), "pending",
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

/* @brief: only what a table of services shows. */
static json_t *json_totals(const struct session_totals *t, bool brief)
{
	json_t *alive = json_object(), *others = json_object();
	json_t *ended = json_object(), *events = json_object(), *o;

	/* states and causes with the same name are summed */
#define X(name, text)                                                       \
	if (SESSION_##name != SESSION_FREE &&                               \
	    (!brief || session_is_live(SESSION_##name)))                    \
		set_count(session_is_live(SESSION_##name) ? alive : others, \
			  text, "", t->alive[SESSION_##name]);
	SYNKEEPER_STATES(X)
#undef X
#define X(name, event, by, text)                                    \
	if (!brief)                                                 \
		set_count(events, event, by, t->events[EV_##name]); \
	if (session_is_end(EV_##name))                              \
		set_count(ended, event, "", t->events[EV_##name]);
	SYNKEEPER_EVENTS(X)
#undef X
	o = json_pack(
		"{s:I,s:o,s:o,s:o,s:o,s:I}", "opened",
		(json_int_t)(t->events[EV_ADMITTED] + t->events[EV_ADOPTED]),
		"alive", alive, "others", others, "ended", ended, "events",
		events, "lost", (json_int_t)t->lost);
	if (brief) {
		json_object_del(o, "others");
		json_object_del(o, "events");
	} else {
		json_object_set_new(o, "durations", json_durations(t));
	}
	return o;
}

static json_t *json_service_totals(const struct session_request_deps *d,
				   const struct service *svc, bool brief)
{
	char text[LISTEN_STRLEN];
	struct session_totals t;
	json_t *o;

	totals_read(d->sessions->totals, svc->id, &t);
	o = json_totals(&t, brief);
	json_object_set_new(o, "listen",
			    json_string(listen_format(&svc->listen, text)));
	json_object_set_new(o, "name", json_string(svc->name));
	return o;
}

/* Sends @value and releases it. */
static int say_json(struct control_client *c, json_t *value)
{
	char *text = json_dumps(value, JSON_COMPACT);
	int err = text ? control_say(c, text) : -ENOMEM;

	free(text);
	json_decref(value);
	return err;
}

/* For all services: as many per turn as time allows. */
struct all_totals {
	bool brief, begun;
	__u16 said; /* id of the last one sent */
};

static int say_service(const struct session_request_deps *d,
		       struct control_client *c, struct all_totals *all,
		       const struct service *svc)
{
	int err = all->said ? control_say(c, ",") : 0;

	if (!err)
		err = say_json(c, json_service_totals(d, svc, all->brief));
	all->said = svc->id;
	return err;
}

static int totals_part(struct control_client *c, void *state, void *data)
{
	struct slice slice = slice_begin(SLICE_US);
	const struct service *svc = NULL;
	struct all_totals *all = state;
	struct session_totals sum;
	const struct session_request_deps *d = data;
	int err = 0;

	if (!all->begun)
		err = control_say(c, "{\"ok\":true,\"result\":{\"services\":[");
	all->begun = true;
	while (!err && (svc = services_next(d->services, svc))) {
		if (svc->id <= all->said)
			continue;
		err = say_service(d, c, all, svc);
		if (slice_is_over(&slice))
			return err;
	}
	if (!err)
		err = control_say(c, "],\"total\":");
	totals_read(d->sessions->totals, 0, &sum);
	if (!err)
		err = say_json(c, json_totals(&sum, false));
	if (!err)
		err = control_say(c, "}}\n");
	return err ? err : 1;
}

static json_t *totals_of_all(void *deps, struct request *r, bool brief)
{
	struct all_totals *all = calloc(1, sizeof(*all));

	if (!all)
		return request_refuse(r, "", "out of memory");
	all->brief = brief;
	return request_in_parts(r, totals_part, all, deps);
}

static json_t *on_totals(void *data, struct request *r)
{
	bool brief = json_is_true(json_object_get(r->args, "brief"));
	const struct session_request_deps *d = data;
	const struct service *svc;
	struct session_totals t;

	if (!json_object_get(r->args, "listen"))
		return totals_of_all(data, r, brief);
	svc = service_of_request(d->services, r);
	if (!svc)
		return NULL;
	totals_read(d->sessions->totals, svc->id, &t);
	return json_pack("{s:[o],s:o}", "services",
			 json_service_totals(d, svc, brief), "total",
			 json_totals(&t, false));
}

/* Reads member "filter", an array of words. */
static bool arg_filter(struct request *r, struct filter *ret)
{
	const json_t *words = json_object_get(r->args, "filter");
	const char *argv[FILTER_WORDS_MAX];
	size_t n = json_array_size(words), i;
	char err[FILTER_ERR_MAX];

	if ((words && !json_is_array(words)) || n > FILTER_WORDS_MAX) {
		request_refuse(r, "an array of at most 16 words", "no filter");
		return false;
	}
	for (i = 0; i < n; i++) {
		argv[i] = json_string_value(json_array_get(words, i));
		if (!argv[i]) {
			request_refuse(r, "an array of words", "no filter");
			return false;
		}
	}
	if (!filter_parse(argv, n, ret, err))
		return true;
	request_refuse(r, "", "%s", err);
	return false;
}

/* Does the filter name no service, or one that exists or recently did? */
static bool knows_service(const struct session_request_deps *d,
			  struct request *r, const struct filter *f)
{
	char text[LISTEN_STRLEN];
	int id;

	if (!filter_names_service(f))
		return true;
	for (id = 1; id < SERVICES_MAX; id++)
		if (filter_is_service(f, services_info(d->services, id)))
			return true;
	request_refuse(r, "", "%s is not a service",
		       *f->name ? f->name : listen_format(&f->listen, text));
	service_hint(d->services, r);
	return false;
}

struct kill {
	const struct filter *filter;
	bool dry_run;
	__u32 matched, killed, pending;
	int err;
};

static void kill_one(const struct session_request_deps *d, __u32 slot,
		     struct kill *k)
{
	struct session s;
	int kernel;

	if (!session_snapshot(sessions_at(d->sessions, slot), &s) ||
	    !session_is_live(s.live.state) ||
	    !filter_match(k->filter, &s,
			  services_info(d->services, s.live.service),
			  ns_to_ticks(clock_ns())))
		return;
	k->matched++;
	if (k->dry_run)
		return;
	kernel = owner_state(d->owner, &s.tuple);
	if (kernel < 0 && kernel != -ENOENT && kernel != -EOPNOTSUPP) {
		k->err = kernel;
		return;
	}
	if (kernel == -ENOENT && s.live.state == SESSION_PENDING) {
		k->pending++;
		return;
	}
	if (!tuple_equal(&sessions_at(d->sessions, slot)->tuple, &s.tuple) ||
	    !sessions_feed(d->sessions, slot, 1 << INPUT_KILLED, 0))
		return; /* it just ended by itself */
	k->killed++;
	if (kernel != -ENOENT)
		k->err = owner_end(d->owner, &s.tuple);
	/* of one that began without us nothing is known: it is forgotten */
	if (k->err == -ENOENT || k->err == -EOPNOTSUPP)
		k->err = 0;
}

static json_t *on_kill(void *data, struct request *r)
{
	const struct session_request_deps *d = data;
	json_int_t cursor =
		json_integer_value(json_object_get(r->args, "cursor"));
	struct slice slice = slice_begin(SLICE_US);
	const struct sessions *s = d->sessions;
	struct filter f;
	struct kill k = { .filter = &f,
			  .dry_run = json_is_true(
				  json_object_get(r->args, "dry_run")) };
	json_t *result;
	__u32 set, way;

	if (!json_is_array(json_object_get(r->args, "filter")))
		return request_refuse(r, "[] means every session", "no filter");
	if (!arg_filter(r, &f) || !knows_service(d, r, &f))
		return NULL;
	if (cursor < 0 || cursor > s->sets)
		return request_refuse(r, "send the cursor of the last reply",
				      "%lld is not a cursor",
				      (long long)cursor);
	for (set = (__u32)cursor; set < s->sets && !k.err; set++) {
		if (slice_is_over(&slice) && set > (__u32)cursor)
			break;
		if (!sessions_in_set(s, set))
			continue;
		for (way = 0; way < SET_WAYS && !k.err; way++)
			if (sessions_in_slot(s, set * SET_WAYS + way))
				kill_one(d, set * SET_WAYS + way, &k);
	}
	if (k.err)
		return request_refuse(
			r, "run synkeeper check to see what is missing",
			"the kernel refused to destroy a socket, after %u: %s",
			k.killed, strerror(-k.err));
	result = json_pack("{s:I,s:I,s:I}", "matched", (json_int_t)k.matched,
			   "killed", (json_int_t)k.killed, "pending",
			   (json_int_t)k.pending);
	if (set < s->sets)
		json_object_set_new(result, "cursor", json_integer(set));
	return result;
}

/* Reads member @member, an address:port of one connection. */
static bool arg_endpoint(struct request *r, const char *member,
			 struct listen *ret)
{
	const char *text = request_string(r, member);
	const char *why = "give an address and port";

	if (text && !listen_parse(text, ret, &why) && !ret->wildcard)
		return true;
	request_refuse(r, why, "'%s' is not an endpoint of a connection",
		       text ? text : "");
	return false;
}

static json_t *on_socket(void *data, struct request *r)
{
	const struct session_request_deps *d = data;
	struct listen client, server;
	struct tuple t = {};

	if (!arg_endpoint(r, "client", &client) ||
	    !arg_endpoint(r, "server", &server))
		return NULL;
	memcpy(t.client, client.addr, sizeof(t.client));
	memcpy(t.server, server.addr, sizeof(t.server));
	t.client_port = client.port;
	t.server_port = server.port;
	return json_pack("{s:s}", "socket",
			 owner_state_name(owner_state(d->owner, &t)));
}

json_t *session_watching(struct request *r, int err)
{
	if (err == -EBUSY)
		return request_refuse(
			r, "end a session watch, capture or top",
			"busy: all watcher connections are in use");
	if (err)
		return request_refuse(r, "", "out of memory");
	return json_pack("{s:b}", "watching", 1);
}

static json_t *on_watch(void *data, struct request *r)
{
	const struct session_request_deps *d = data;
	struct filter f;

	if (!arg_filter(r, &f) || !knows_service(d, r, &f))
		return NULL;
	return session_watching(r, watch_add(d->watch, r->client, &f));
}

const struct request_handler session_requests[] = {
	{ "session.totals", on_totals },
	{ "session.kill", on_kill },
	{ "session.socket", on_socket },
	{ "session.watch", on_watch },
	{},
};
