/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the text of metrics.h. The maps are read once into rows,
 * one per service and one for traffic to none; then the families of a table are
 * printed one after the other, as the format requires.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "maps/stats.h"
#include "metrics_page.h"
#include "text/reason.h"

/* ---- the daemon ---- */

static void put_build(const struct metrics_page *p)
{
	metrics_sample(p, 1, "{version=\"%s\"}", SYNKEEPER_VERSION);
}

static void put_start(const struct metrics_page *p)
{
	metrics_sample(p, (double)p->from->started_s, "%s", "");
}

/* A name may contain any byte but '/', ':' and blanks; a label is UTF-8. */
static void put_interfaces(const struct metrics_page *p)
{
	const struct ifaces *f = p->from->ifaces;
	char name[IF_NAMESIZE];
	size_t i, k;

	for (i = 0; i < f->n; i++) {
		const struct attachment *a = &f->list[i];

		snprintf(name, sizeof(name), "%s", a->name);
		for (k = 0; name[k]; k++)
			if (!isgraph((unsigned char)name[k]) ||
			    strchr("\"\\", name[k]))
				name[k] = '?';
		metrics_sample(p, 1,
			       "{interface=\"%s\",mode=\"%s\",by_hand=\"%s\"}",
			       name,
			       a->ifindex && !attachment_protects(a)
				       ? "none"
				       : attachment_mode(a),
			       a->by_hand ? "true" : "false");
	}
}

static void put_epoch(const struct metrics_page *p)
{
	metrics_sample(p, keys_epoch(p->from->keys), "%s", "");
}

static void put_key_age(const struct metrics_page *p)
{
	__u64 ms = keys_current(p->from->keys).age_ns / 1000000;

	metrics_sample(p, (double)ms / 1000, "%s", "");
}

static void put_key_lifetime(const struct metrics_page *p)
{
	metrics_sample(p, (double)keys_lifetime(p->from->keys) / 1e9, "%s", "");
}

/* ---- services ---- */

static void put_service_info(const struct metrics_page *p)
{
	const struct metrics_row *r;

	for (r = p->rows; r < p->rows + p->n_rows; r++)
		if (r->service)
			metrics_sample(p, 1,
				       "{%s,policy=\"%s\",cookies=\"%s\"}",
				       r->labels,
				       config_policy_name(r->service->policy),
				       service_cookies(r->service));
}

static void put_armed(const struct metrics_page *p)
{
	const struct metrics_row *r;

	for (r = p->rows; r < p->rows + p->n_rows; r++)
		if (r->service)
			metrics_sample(p, r->service->why == WHY_ARMED, "{%s}",
				       r->labels);
}

static void put_unprotected(const struct metrics_page *p)
{
	const struct metrics_row *r;

	for (r = p->rows; r < p->rows + p->n_rows; r++)
		if (r->service)
			metrics_sample(p, service_is_unprotected(r->service),
				       "{%s}", r->labels);
}

/* Only kinds seen since the start: 4 lines per service would be many. */
static void put_attacks(const struct metrics_page *p)
{
	const struct metrics_row *r;
	const struct attack *a;
	int kind;

	for (r = p->rows; r < p->rows + p->n_rows; r++)
		for (kind = 0; r->service && kind < ATTACK_KINDS; kind++) {
			a = attacks_of(p->from->attacks, r->service, kind);
			if (a && a->ever)
				metrics_sample(p, a->running,
					       "{%s,kind=\"%s\"}", r->labels,
					       attack_label(kind));
		}
}

static void put_reasons(const struct metrics_page *p,
			const struct metrics_row *r, const struct counters *c)
{
	const struct reason_info *reason;
	size_t i;

	for (i = 0; (reason = reason_at(i)); i++)
		if (c->packets[reason->number])
			metrics_sample(p, (double)c->packets[reason->number],
				       "{%s,reason=\"%s\",action=\"%s\"}",
				       r->labels, reason->name,
				       reason_action_name(reason->action));
}

static void put_packets(const struct metrics_page *p)
{
	const struct metrics_row *r;

	for (r = p->rows; r < p->rows + p->n_rows; r++)
		put_reasons(p, r, &r->counters);
}

static void put_monitored(const struct metrics_page *p)
{
	const struct metrics_row *r;

	for (r = p->rows; r < p->rows + p->n_rows; r++)
		put_reasons(p, r, &r->monitored);
}

/* ---- the page ---- */

static const struct family {
	const char *name, *type, *help;
	void (*put)(const struct metrics_page *p);
} families[] = {
	{ "build_info", "gauge", "The daemon's version; always 1", put_build },
	{ "start_time_seconds", "gauge",
	  "When the daemon was started, in seconds since 1970", put_start },
	{ "interface_info", "gauge",
	  "A configured interface and how the program is attached: mode is "
	  "native, skb, missing while there is no such interface, or none "
	  "while it is unprotected for another reason; always 1",
	  put_interfaces },
	{ "key_epoch", "gauge", "The number of the current cookie key",
	  put_epoch },
	{ "key_age_seconds", "gauge", "Age of the current cookie key",
	  put_key_age },
	{ "key_lifetime_seconds", "gauge",
	  "The age at which a cookie key is replaced", put_key_lifetime },
	{ "cluster_info", "gauge",
	  "What nodes with a shared secret are compared by: id and fingerprint "
	  "of the current secret, stage of a rollout, profile; always 1",
	  metrics_cluster },
	{ "cluster_clock_synchronised", "gauge",
	  "1 while the clock of a node with a shared secret is synchronised",
	  metrics_clock },
	{ "service_info", "gauge",
	  "A service: its name (its address if it has none), address, policy "
	  "and kind of cookies; always 1",
	  put_service_info },
	{ "service_armed", "gauge",
	  "1 while the service's SYNs are answered with cookies", put_armed },
	{ "service_unprotected", "gauge",
	  "1 while the service cannot be protected as its policy asks: there "
	  "is no listener, or the kernel refuses sockets for it",
	  put_unprotected },
	{ "under_attack", "gauge",
	  "1 while the service is under a flood of that kind (syn, ack, rst, "
	  "malformed); 0 once it is over",
	  put_attacks },
	{ "packets_total", "counter",
	  "Packets by reason and verdict: pass, drop, or tx for answered; "
	  "service \"-\" is traffic to no service",
	  put_packets },
	{ "monitored_packets_total", "counter",
	  "Packets that a monitored service let pass, by what would have "
	  "happened to them",
	  put_monitored },
	{ "sessions", "gauge", "Sessions alive, by state", metrics_states },
	{ "session_remnants", "gauge",
	  "Entries of the session table that are not yet (opening) or no "
	  "longer (time-wait) sessions",
	  metrics_remnants },
	{ "sessions_opened_total", "counter",
	  "Sessions opened: admitted by a cookie, or adopted because the "
	  "kernel had a socket",
	  metrics_opened },
	{ "sessions_ended_total", "counter", "Sessions ended, by cause",
	  metrics_ended },
	{ "session_duration_seconds", "histogram", "Duration of ended sessions",
	  metrics_durations },
	{ "sessions_alive", "gauge",
	  "Sessions alive, including those of deleted services",
	  metrics_alive },
	{ "sessions_max", "gauge",
	  "Number of sessions that the table is sized for", metrics_max },
	{ "events_lost_total", "counter",
	  "Session events lost because the ring buffer was full; the counts "
	  "stay exact",
	  metrics_lost },
};

enum { N_FAMILIES = sizeof(families) / sizeof(families[0]) };

static void read_row(const struct metrics_sources *from,
		     const struct service *svc, const struct counters *all,
		     const struct counters *monitored, struct metrics_row *r)
{
	const char *name = "-", *listen = "-";
	char text[LISTEN_STRLEN];
	__u32 id = svc ? svc->id : 0;

	if (svc) {
		listen = listen_format(&svc->listen, text);
		name = *svc->name ? svc->name : listen;
		totals_read(from->sessions->totals, id, &r->totals);
	}
	r->service = svc;
	snprintf(r->labels, sizeof(r->labels), "service=\"%s\",listen=\"%s\"",
		 name, listen);
	r->counters = all[id];
	r->monitored = monitored[id];
}

static int read_rows(struct metrics_page *p)
{
	struct counters *all = NULL, *monitored = NULL;
	const struct metrics_sources *from = p->from;
	__u32 end = services_end(from->services);
	const struct service *svc = NULL;
	size_t n = 1, i;
	int err;

	while ((svc = services_next(from->services, svc)))
		n++;
	p->rows = calloc(n, sizeof(*p->rows));
	err = p->rows ? stats_read_all(from->loader, MAP_COUNTERS, end, &all)
		      : -ENOMEM;
	if (!err)
		err = stats_read_all(from->loader, MAP_MONITORED, end,
				     &monitored);
	for (i = 0; i < n && !err; i++) {
		read_row(from, svc, all, monitored, &p->rows[i]);
		svc = services_next(from->services, svc);
	}
	p->n_rows = err ? 0 : n;
	free(all);
	free(monitored);
	if (!err)
		totals_read(from->sessions->totals, 0, &p->all);
	return err;
}

int metrics_text(void *sources, char **ret, size_t *ret_len)
{
	struct metrics_page p = { .from = sources };
	const struct family *f;
	char *text = NULL;
	size_t len = 0;
	int err;

	err = read_rows(&p);
	if (err)
		goto out;
	p.out = open_memstream(&text, &len);
	if (!p.out) {
		err = -ENOMEM;
		goto out;
	}
	for (f = families; f < families + N_FAMILIES; f++) {
		fprintf(p.out, "# HELP synkeeper_%s %s\n", f->name, f->help);
		fprintf(p.out, "# TYPE synkeeper_%s %s\n", f->name, f->type);
		p.family = f->name;
		f->put(&p);
	}
	err = ferror(p.out) ? -ENOMEM : 0;
	if (fclose(p.out))
		err = -ENOMEM;
	if (err) {
		free(text);
		goto out;
	}
	*ret = text;
	*ret_len = len;
out:
	free(p.rows);
	return err;
}

static json_t *on_metrics(void *data, struct request *r)
{
	json_t *result;
	char *text;
	size_t len;
	int err;

	err = metrics_text(data, &text, &len);
	if (err)
		return request_refuse(r, "",
				      "the metrics could not be read: %s",
				      strerror(-err));
	result = json_pack("{s:s%}", "text", text, len);
	free(text);
	return result;
}

const struct request_handler metrics_requests[] = {
	{ "metrics", on_metrics },
	{},
};
