/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: `synkeeper session`, and its first verb. `list` reads
 * the session table itself (table_view.h) and prints up to a million rows one
 * by one; sorted, it keeps only as many as it prints. Sessions that begin
 * during the walk may be missed: counts are approximate, not a snapshot.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include "cmd_session.h"
#include "cmd_session_sort.h"
#include "out/print.h"
#include "text/words.h"

enum { SORT_DEFAULT = 1000, SORT_MAX = 100000 };

static const struct column session_columns[] = {
	{ "CLIENT", "client", CELL_STRING, 21 },
	{ "SERVER", "server", CELL_STRING, 21 },
	{ "SERVICE", "service", CELL_STRING, 7 },
	{ "NAME", "name", CELL_STRING, 8 },
	{ "STATE", "state", CELL_STRING, 18 },
	{ "AGE", "age_s", CELL_DURATION, 6 },
	{ "IDLE", "idle_s", CELL_DURATION, 6 },
};

enum { N_COLUMNS = sizeof(session_columns) / sizeof(session_columns[0]) };

int session_filter(const struct cmd *c, const struct cmd_args *args,
		   struct filter *ret)
{
	char err[FILTER_ERR_MAX];

	if (filter_parse(args->operand, args->n_operands, ret, err))
		return cmd_usage(c, NULL, "%s", err);
	return CMD_DONE;
}

json_t *session_filter_words(const struct cmd_args *args)
{
	json_t *words = json_array();
	size_t i;

	for (i = 0; i < args->n_operands; i++) {
		if (!json_array_append_new(words,
					   json_string(args->operand[i])))
			continue;
		json_decref(words); /* fewer words would match more */
		return NULL;
	}
	return words;
}

json_t *session_row(struct session_table *t, const struct session *s)
{
	const struct service_info *info =
		table_view_service(t, s->live.service);
	char client[LISTEN_STRLEN], server[LISTEN_STRLEN];
	const struct tuple *tuple = &s->tuple;
	__u32 now = table_view_now();

	return json_pack(
		"{s:s, s:s, s:i, s:s, s:s, s:f, s:f}", "client",
		endpoint_format(tuple->client, tuple->client_port, client),
		"server",
		endpoint_format(tuple->server, tuple->server_port, server),
		"service", (int)s->live.service, "name", info ? info->name : "",
		"state", filter_state_name(s->live.state), "age_s",
		ms_since(now, s->born) / 1000.0, "idle_s",
		ms_since(now, s->live.seen) / 1000.0);
}

/* The next session that matches @f. */
static bool next_match(struct session_table *t, const struct filter *f,
		       size_t *pos, struct session *ret)
{
	while (table_view_next(t, pos, ret))
		if (filter_match(f, ret,
				 table_view_service(t, ret->live.service),
				 table_view_now()))
			return true;
	return false;
}

/* CMD_DONE if the service that the filter names, if any, exists. */
static int check_service(const struct cmd *c, struct session_table *t,
			 const struct filter *f)
{
	char text[LISTEN_STRLEN], todo[256] = "", list[200] = "";
	const struct service_info *info;
	struct listen l;
	int id;

	if (!filter_names_service(f))
		return CMD_DONE;
	for (id = 1; id < SERVICES_MAX; id++) {
		info = table_view_service(t, id);
		if (filter_is_service(f, info))
			return CMD_DONE;
		if (!info)
			continue;
		l = service_listen(info);
		words_append(list, sizeof(list),
			     *info->name ? info->name
					 : listen_format(&l, text));
	}
	snprintf(todo, sizeof(todo), "there are %s", *list ? list : "none");
	return cmd_failed(c, todo, "%s is not a service",
			  *f->name ? f->name : listen_format(&f->listen, text));
}

/* ---- rows ---- */

static void put_head(const struct cmd *c)
{
	if (c->json)
		fputc('[', c->out);
	else
		print_row(c->out, NULL, session_columns, N_COLUMNS);
}

static void put_session(const struct cmd *c, struct session_table *t,
			const struct session *s, bool first)
{
	json_t *row = session_row(t, s);

	if (!row)
		return;
	if (c->json) {
		fputs(first ? "" : ",\n", c->out);
		print_json(c->out, row);
	} else {
		print_row(c->out, row, session_columns, N_COLUMNS);
	}
	json_decref(row);
}

static void put_tail(const struct cmd *c)
{
	if (c->json)
		fputs("]\n", c->out);
}

/* Prints at most @limit; stops if the output fails. */
static int list_as_found(const struct cmd *c, struct session_table *t,
			 const struct filter *f, size_t limit)
{
	size_t pos = 0, shown = 0;
	struct session s;

	put_head(c);
	while (shown < limit && !ferror(c->out) && next_match(t, f, &pos, &s))
		put_session(c, t, &s, !shown++);
	put_tail(c);
	return CMD_DONE;
}

static int list_sorted(const struct cmd *c, struct session_table *t,
		       const struct filter *f, struct session_sort *sort)
{
	struct session s;
	size_t pos = 0, i;

	while (next_match(t, f, &pos, &s))
		session_sort_offer(sort, &s);
	session_sort_finish(sort);
	put_head(c);
	for (i = 0; i < sort->n && !ferror(c->out); i++)
		put_session(c, t, &sort->kept[i], !i);
	put_tail(c);
	if (sort->offered > sort->n)
		cmd_note(c, "raise --limit", "showing %zu of %zu", sort->n,
			 sort->offered);
	return CMD_DONE;
}

/* ---- counts ---- */

static void counts_text(FILE *out, const json_t *counts)
{
	char cell[PRINT_CELL_MAX];
	const char *name;
	json_t *n;

	json_object_foreach ((json_t *)counts, name, n) {
		fprintf(out, "%-18s  %13s\n", name, print_count(n, cell));
	}
}

static int list_count(const struct cmd *c, struct session_table *t,
		      const struct filter *f)
{
	__u64 by_state[256] = {}, total = 0; /* any value of the byte */
	json_t *counts = json_object();
	struct session s;
	size_t pos = 0;
	__u32 state;

	while (next_match(t, f, &pos, &s)) {
		by_state[s.live.state]++;
		total++;
	}
	for (state = SESSION_OPENING; state < SESSION_STATES; state++) {
		const char *name = filter_state_name(state);
		json_int_t n =
			json_integer_value(json_object_get(counts, name));

		json_object_set_new(counts, name,
				    json_integer(n + by_state[state]));
	}
	json_object_set_new(counts, "total", json_integer(total));
	return cmd_show(c, counts, counts_text);
}

/* ---- the verb ---- */

static int parse_limit(const struct cmd *c, const char *text, bool sorted,
		       size_t *ret)
{
	unsigned long limit;
	char *end;

	errno = 0;
	limit = strtoul(text, &end, 10);
	if (errno || *end || *text == '-' || !limit || limit > UINT_MAX)
		return cmd_usage(c, "must be a number, 1 or more", "--limit %s",
				 text);
	if (sorted && limit > SORT_MAX)
		return cmd_usage(c, "at most 100000 sessions can be sorted",
				 "--limit %s", text);
	*ret = limit;
	return CMD_DONE;
}

enum { OPT_SORT, OPT_LIMIT, OPT_COUNT };

static int session_list(const struct cmd *c, const struct cmd_args *args)
{
	const char *key = args->option[OPT_SORT];
	const char *text = args->option[OPT_LIMIT];
	size_t limit = key ? SORT_DEFAULT : UINT_MAX;
	struct session_sort sort = {};
	struct session_table t;
	struct filter f;
	int err;

	if (args->option[OPT_COUNT] && (key || text))
		return cmd_usage(c, "omit --sort and --limit",
				 "--count counts all matches");
	err = session_filter(c, args, &f);
	if (!err && text)
		err = parse_limit(c, text, key, &limit);
	if (err)
		return err;
	if (key) {
		err = session_sort_init(&sort, key, limit);
		if (err == -ENOENT)
			return cmd_usage(c, "sort by one of " SESSION_SORT_KEYS,
					 "--sort %s", key);
		if (err)
			return cmd_failed(c, "lower --limit", "out of memory");
	}
	if (table_view_open(c, &t)) {
		err = CMD_FAILED;
	} else {
		err = check_service(c, &t, &f);
		if (!err && args->option[OPT_COUNT])
			err = list_count(c, &t, &f);
		else if (!err && key)
			err = list_sorted(c, &t, &f, &sort);
		else if (!err)
			err = list_as_found(c, &t, &f, limit);
		table_view_close(&t);
	}
	session_sort_free(&sort);
	return err;
}

const struct cmd_object cmd_session = {
	.name = "session",
	.help = "tracked connections",
	.more = "FILTER consists of pairs, all of which must match:\n"
		"  src PREFIX, dst PREFIX    client's and server's address: "
		"192.0.2.0/24\n"
		"  sport PORTS, dport PORTS  client's and server's port: 443, "
		"1024-2047\n"
		"  state STATE,...           opening, pending, established, "
		"half-closed-client,\n"
		"                            half-closed-server, closing, "
		"time-wait; half-closed:\n"
		"                            either; live: pending to closing\n"
		"  age TIME, idle TIME       at least this long: 90s, 5m; or "
		"a range: 30s-5m\n"
		"  service SERVICE           its A:P or its name\n"
		"CLIENT, SERVER: A:P each. kill requires a filter or --all.\n",
	.verb = {
		{ .name = "list",
		  .operand = { "[FILTER...]" },
		  .option = { [OPT_SORT] = { "--sort", "KEY" },
			      [OPT_LIMIT] = { "--limit", "N" },
			      [OPT_COUNT] = { "--count" } },
		  .help = "matching sessions (root)",
		  .run = session_list },
		{ .name = "show",
		  .operand = { "CLIENT", "SERVER" },
		  .help = "all details of one session (root)",
		  .run = session_show },
		{ .name = "kill",
		  .operand = { "[FILTER...]" },
		  .option = { { "--all" }, { "--dry-run" } },
		  .help = "reset matching sessions",
		  .run = session_kill },
		{ .name = "watch",
		  .operand = { "[FILTER...]" },
		  .help = "events of matching sessions, live",
		  .run = session_watch },
		{ .name = "totals",
		  .operand = { "[A:P]" },
		  .help = "sessions opened, and how they ended",
		  .run = session_totals },
	},
};
