/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: `synkeeper session watch`: the daemon's events, one per
 * line, as they arrive (stream.h). Output is flushed whenever no further line
 * is waiting: at once when little happens, in large blocks under load. With -j
 * the daemon's lines are copied unchanged.
 */
#include <poll.h>
#include <stdio_ext.h>
#include <time.h>

#include "cmd_session.h"
#include "call/stream.h"
#include "out/print.h"
#include "text/json_text.h"

static const struct column event_columns[] = {
	{ "TIME", "clock", CELL_STRING, 12 },
	{ "EVENT", "what", CELL_STRING, 21 },
	{ "CLIENT > SERVER", "flow", CELL_STRING, 45 },
	{ "NAME", "name", CELL_STRING, 8 },
	{ "AGE", "duration_s", CELL_SECONDS },
};

enum { N_COLUMNS = sizeof(event_columns) / sizeof(event_columns[0]) };

static json_t *clock_of(double when)
{
	long long ms = (long long)(when * 1000 + 0.5);
	time_t seconds = ms / 1000;
	char text[32] = "", all[40];
	struct tm tm;

	if (localtime_r(&seconds, &tm))
		strftime(text, sizeof(text), "%T", &tm);
	snprintf(all, sizeof(all), "%s.%03lld", text, ms % 1000);
	return json_string(all);
}

static void put_event_text(FILE *out, json_t *event)
{
	const char *by = json_text(event, "by");
	json_t *when = json_object_get(event, "time");

	json_object_set_new(event, "clock", clock_of(json_number_value(when)));
	json_object_set_new(event, "what",
			    json_sprintf("%s%s%s", json_text(event, "event"),
					 *by ? " by " : "", by));
	json_object_set_new(event, "flow",
			    json_sprintf("%s > %s", json_text(event, "client"),
					 json_text(event, "server")));
	print_row(out, event, event_columns, N_COLUMNS);
}

static enum stream_next put_line(void *data, const char *line)
{
	const struct cmd *c = data;
	json_t *event;
	json_int_t n;

	if (c->json) {
		fputs(line, c->out);
		fputc('\n', c->out);
		return ferror(c->out) ? STREAM_ENOUGH : STREAM_ON;
	}
	event = stream_event(c, line);
	if (!event)
		return STREAM_FAILED;
	n = stream_lost(event);
	if (n)
		cmd_note(c, NULL,
			 "%" JSON_INTEGER_FORMAT
			 " event%s lost: this reader was too slow",
			 n, n == 1 ? "" : "s");
	else
		put_event_text(c->out, event);
	json_decref(event);
	return ferror(c->out) ? STREAM_ENOUGH : STREAM_ON;
}

static enum stream_next flush(void *data)
{
	const struct cmd *c = data;

	return fflush(c->out) ? STREAM_ENOUGH : STREAM_ON;
}

static int out_fd(void *data)
{
	const struct cmd *c = data;

	return fileno(c->out);
}

/* A reader that has gone is not a write error. */
static void forgive_lost_reader(FILE *out)
{
	struct pollfd p = { .fd = fileno(out) };

	if (poll(&p, 1, 0) > 0 && p.revents & (POLLERR | POLLHUP)) {
		__fpurge(out);
		clearerr(out);
	}
}

int session_watch(const struct cmd *c, const struct cmd_args *args)
{
	const struct stream_handler f = { .line = put_line,
					  .pause = flush,
					  .out = out_fd,
					  .data = (void *)c };
	struct filter filter;
	int code = session_filter(c, args, &filter);

	if (code)
		return code;
	code = stream_run(
		c, "session.watch",
		json_pack("{s:o}", "filter", session_filter_words(args)), &f);
	forgive_lost_reader(c->out);
	return code;
}
