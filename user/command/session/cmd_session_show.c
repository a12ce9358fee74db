/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: `synkeeper session show`: one session, found by the hash
 * of its tuple, and the state of its socket. The daemon is asked for the
 * latter, since the command may run in another network namespace; without a
 * daemon the kernel is asked from here.
 */
#include <errno.h>

#include "cmd_session.h"
#include "out/print.h"
#include "kernel/sockdiag.h"

static const struct column facts[] = {
	{ "client", "client", CELL_STRING },
	{ "server", "server", CELL_STRING },
	{ "service", "service", CELL_STRING },
	{ "name", "name", CELL_STRING },
	{ "state", "state", CELL_STRING },
	{ "age", "age_s", CELL_SECONDS },
	{ "idle", "idle_s", CELL_SECONDS },
	{ "client FIN", "client_fin_acked_by", CELL_STRING },
	{ "server FIN", "server_fin_acked_by", CELL_STRING },
	{ "socket", "socket", CELL_STRING },
};

/* The TCP state of the kernel's socket, or -errno. */
static int socket_state(const struct tuple *t)
{
	struct sockdiag *diag;
	int state = sockdiag_open(&diag);

	if (state)
		return state;
	state = sockdiag_state(diag, t);
	sockdiag_close(diag);
	return state;
}

static bool sent_fin(__u8 state, __u8 half_closed)
{
	return state == half_closed || state > SESSION_HALF_CLOSED_SERVER;
}

static void put_fins(json_t *row, const struct session *s)
{
	__u8 state = s->live.state;

	if (s->client_fin && sent_fin(state, SESSION_HALF_CLOSED_CLIENT))
		json_object_set_new(row, "client_fin_acked_by",
				    json_integer(s->client_fin));
	if (s->server_fin && sent_fin(state, SESSION_HALF_CLOSED_SERVER))
		json_object_set_new(row, "server_fin_acked_by",
				    json_integer(s->server_fin));
}

/* "socket", and "socket_by": who looked it up */
static void put_socket(const struct cmd *c, json_t *row, const struct tuple *t)
{
	json_t *result, *request;
	const char *state;

	request = json_pack("{s:O, s:O}", "client",
			    json_object_get(row, "client"), "server",
			    json_object_get(row, "server"));
	if (!cmd_try_call(c, "session.socket", request, &result)) {
		json_object_set(row, "socket",
				json_object_get(result, "socket"));
		json_object_set_new(row, "socket_by", json_string("daemon"));
		json_decref(result);
		return;
	}
	state = sockdiag_state_name(socket_state(t));
	json_object_set_new(row, "socket", json_string(state));
	json_object_set_new(row, "socket_by", json_string("command"));
}

/* Not found in our namespace, which may not be the connection's. */
static bool is_elsewhere(const json_t *row)
{
	const char *by = json_string_value(json_object_get(row, "socket_by"));
	const char *is = json_string_value(json_object_get(row, "socket"));

	return by && is && !strcmp(by, "command") && !strcmp(is, "none");
}

static void show_text(FILE *out, const json_t *row)
{
	char cell[PRINT_CELL_MAX];
	size_t i;

	for (i = 0; i < sizeof(facts) / sizeof(facts[0]); i++) {
		const char *fin = strstr(facts[i].title, "FIN");

		if (fin && !json_object_get(row, facts[i].member))
			continue;
		fprintf(out, "%-10s  %s%s", facts[i].title,
			fin ? "acknowledged by " : "",
			print_cell(&facts[i], row, cell));
		if (!strcmp(facts[i].member, "socket") && is_elsewhere(row))
			fputs(" in this network namespace (no daemon to ask)",
			      out);
		fputc('\n', out);
	}
}

/* Parses CLIENT and SERVER; *@ret_reverse has them swapped. */
static int parse_tuple(const struct cmd *c, const struct cmd_args *args,
		       struct tuple *ret, struct tuple *ret_reverse)
{
	struct listen end[2];
	const char *why;
	size_t i;

	for (i = 0; i < 2; i++) {
		if (listen_parse(args->operand[i], &end[i], &why))
			return cmd_usage(c, why, "'%s'", args->operand[i]);
		if (end[i].wildcard)
			return cmd_usage(
				c, "use session list dport PORT",
				"'%s' does not identify a single session",
				args->operand[i]);
	}
	memcpy(ret->client, end[0].addr, sizeof(ret->client));
	memcpy(ret->server, end[1].addr, sizeof(ret->server));
	ret->client_port = end[0].port;
	ret->server_port = end[1].port;
	memcpy(ret_reverse->client, end[1].addr, sizeof(ret->client));
	memcpy(ret_reverse->server, end[0].addr, sizeof(ret->server));
	ret_reverse->client_port = end[1].port;
	ret_reverse->server_port = end[0].port;
	if (tuple_is_v4(ret) != tuple_is_v4(ret_reverse))
		return cmd_usage(c, "give both as IPv4 or both as IPv6",
				 "%s and %s differ in address family",
				 args->operand[0], args->operand[1]);
	return CMD_DONE;
}

static int show(const struct cmd *c, struct session_table *t,
		const struct session *s)
{
	json_t *row = session_row(t, s);

	put_fins(row, s);
	put_socket(c, row, &s->tuple);
	return cmd_show(c, row, show_text);
}

int session_show(const struct cmd *c, const struct cmd_args *args)
{
	struct tuple tuple, reverse;
	struct session_table t;
	struct session s;
	int err = parse_tuple(c, args, &tuple, &reverse);

	if (err)
		return err;
	if (table_view_open(c, &t))
		return CMD_FAILED;
	if (table_view_find(&t, &tuple, &s))
		err = show(c, &t, &s);
	else
		err = cmd_failed(c,
				 table_view_find(&t, &reverse, &s)
					 ? "there is one in the other "
					   "direction: give the client first"
					 : "synkeeper session list shows all",
				 "no session from %s to %s", args->operand[0],
				 args->operand[1]);
	table_view_close(&t);
	return err;
}
