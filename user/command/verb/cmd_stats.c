/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: `synkeeper stats`: packets by service and reason. With
 * --watch, rates between two replies (rates.h). SIGINT and SIGTERM are then
 * blocked, and accepted only between two updates, so that an update is always
 * printed completely.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "cmd.h"
#include "out/print.h"
#include "out/rates.h"
#include "text/reason.h"

static const struct column packet_columns[] = {
	{ "REASON", "reason", CELL_STRING, 14 },
	{ "VERDICT", "verdict", CELL_STRING },
	{ "PACKETS", "n", CELL_COUNT, 15 },
	{ "MEANING", "text", CELL_STRING },
};

static const struct column rate_columns[] = {
	{ "REASON", "reason", CELL_STRING, 14 },
	{ "VERDICT", "verdict", CELL_STRING },
	{ "PER SECOND", "n", CELL_COUNT, 15 },
	{ "MEANING", "text", CELL_STRING },
};

enum { N_COLUMNS = sizeof(rate_columns) / sizeof(rate_columns[0]) };

/* @would: "would " if the packets were monitored only, else "". */
static void add_row(json_t *rows, const char *name, const char *would,
		    json_t *n)
{
	const struct reason_info *r = reason_find(name);

	json_array_append_new(rows,
			      json_pack("{s:s, s:s+, s:O, s:s}", "reason", name,
					"verdict", would,
					r ? reason_action_name(r->action) : "?",
					"n", n, "text", r ? r->text : ""));
}

/* {REASON: n} as rows: in the order of the table, then what that lacks. */
static void add_rows(json_t *rows, const char *would, const json_t *packets)
{
	const struct reason_info *r;
	json_t *n;
	const char *name;
	size_t i;

	for (i = 0; (r = reason_at(i)); i++) {
		n = json_object_get(packets, r->name);
		if (n)
			add_row(rows, r->name, would, n);
	}
	json_object_foreach ((json_t *)packets, name, n) {
		if (!reason_find(name))
			add_row(rows, name, would, n);
	}
}

static void put_packets(FILE *out, const json_t *packets,
			const json_t *monitored, const struct column *columns)
{
	json_t *rows = json_array();

	add_rows(rows, "", packets);
	add_rows(rows, "would ", monitored);
	print_table(out, rows, columns, N_COLUMNS);
	json_decref(rows);
}

static const char *title_of(const json_t *service)
{
	const char *listen =
		json_string_value(json_object_get(service, "listen"));

	if (!listen)
		return "?";
	return strcmp(listen, "-") ? listen : "no service";
}

/* Omits services without packets, and the total of a single service. */
static void put_services(FILE *out, const json_t *result, const char *member,
			 const char *member_monitored, const char *total,
			 const struct column *columns)
{
	size_t i, shown = 0;
	json_t *service;

	json_array_foreach (json_object_get(result, "services"), i, service) {
		const json_t *packets = json_object_get(service, member);
		const json_t *monitored =
			json_object_get(service, member_monitored);
		const char *name =
			json_string_value(json_object_get(service, "name"));

		if (!json_object_size(packets) && !json_object_size(monitored))
			continue;
		fprintf(out, "%s%s%s%s\n", title_of(service),
			name && *name ? " (" : "", name ? name : "",
			name && *name ? ")" : "");
		put_packets(out, packets, monitored, columns);
		fputc('\n', out);
		shown++;
	}
	if (!shown)
		fputs("no packets\n\n", out);
	if (shown > 1) {
		fputs("total\n", out);
		put_packets(out, json_object_get(result, total), NULL, columns);
		fputc('\n', out);
	}
}

static void stats_text(FILE *out, const json_t *result)
{
	put_services(out, result, "packets", "monitored", "total",
		     packet_columns);
}

static void watch_text(FILE *out, const json_t *result)
{
	time_t when = json_integer_value(json_object_get(result, "time"));
	char clock[16] = "";
	struct tm tm;

	if (localtime_r(&when, &tm))
		strftime(clock, sizeof(clock), "%T", &tm);
	fprintf(out, "---- %s, over %.1f s\n", clock,
		json_number_value(json_object_get(result, "interval_s")));
	put_services(out, result, "per_second", "monitored_per_second",
		     "per_second", rate_columns);
}

/* ---- --watch ---- */

/* Returns true when the next update is due, false after a signal. */
static bool wait_until(double when, const sigset_t *stop)
{
	double left = when - rates_clock();
	struct timespec ts = {};

	if (left > 0) {
		ts.tv_sec = (time_t)left;
		ts.tv_nsec = (long)((left - ts.tv_sec) * 1e9);
	}
	return sigtimedwait(stop, NULL, &ts) < 0 && errno == EAGAIN;
}

static int stats_call(const struct cmd *c, const char *listen, json_t **ret)
{
	return cmd_call(c, "stats", json_pack("{s:s*}", "listen", listen), ret);
}

static int watch(const struct cmd *c, const char *listen, double period)
{
	json_t *before = NULL, *now;
	double then = rates_clock(), next = then, at;
	sigset_t stop;
	int err;

	sigemptyset(&stop);
	sigaddset(&stop, SIGINT);
	sigaddset(&stop, SIGTERM);
	sigprocmask(SIG_BLOCK, &stop, NULL);

	do {
		err = stats_call(c, listen, &now);
		if (err)
			break;
		at = rates_clock();
		if (before) {
			cmd_show(c, rates_between(before, now, at - then),
				 watch_text);
			fflush(c->out);
		}
		json_decref(before);
		before = now;
		then = at;
		next = next + period > at ? next + period : at + period;
	} while (!ferror(c->out) && wait_until(next, &stop));
	json_decref(before);
	return err ? CMD_FAILED : CMD_DONE;
}

static int stats_run(const struct cmd *c, const struct cmd_args *args)
{
	const char *listen = args->option[0];
	double period;
	json_t *result;

	if (args->option[1]) {
		if (rates_period(args->option[1], &period))
			return cmd_usage(c, "must be 0.1 to 86400 seconds",
					 "--watch %s", args->option[1]);
		return watch(c, listen, period);
	}
	if (stats_call(c, listen, &result))
		return CMD_FAILED;
	return cmd_show(c, result, stats_text);
}

const struct cmd_object cmd_stats = {
	.name = "stats",
	.help = "packets by service and reason",
	.more = "See synkeeper explain REASON for details.\n",
	.verb = {
		{ .name = "",
		  .option = { { "--service", "A:P" },
			      { "--watch", "[SECONDS]" } },
		  .help = "counts, or rates with --watch",
		  .run = stats_run },
	},
};
