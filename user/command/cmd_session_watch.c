/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: `synkeeper session watch`: the daemon's events, a line
 * each as they come, until the user has enough or nobody reads any more, which
 * both are a good end. Output is flushed whenever nothing more has come yet:
 * at once when little happens, in large pieces in a storm. With -j the
 * daemon's lines are copied as they are. SIGINT and SIGTERM are awaited
 * together with the events, so that what is printed is always whole.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio_ext.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "client.h"
#include "cmd_session.h"
#include "print.h"

enum { BURST = 256 }; /* lines between two looks for a signal */

static const struct column event_columns[] = {
	{ "TIME", "clock", CELL_STRING, 12 },
	{ "EVENT", "what", CELL_STRING, 21 },
	{ "CLIENT > SERVER", "flow", CELL_STRING, 45 },
	{ "NAME", "name", CELL_STRING, 8 },
	{ "AGE", "duration_s", CELL_SECONDS },
};

enum { N_COLUMNS = sizeof(event_columns) / sizeof(event_columns[0]) };

static const char *text_of(const json_t *event, const char *member)
{
	const char *text = json_string_value(json_object_get(event, member));

	return text ? text : "";
}

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
	const char *by = text_of(event, "by");
	json_t *when = json_object_get(event, "time");

	json_object_set_new(event, "clock", clock_of(json_number_value(when)));
	json_object_set_new(event, "what",
			    json_sprintf("%s%s%s", text_of(event, "event"),
					 *by ? " by " : "", by));
	json_object_set_new(event, "flow",
			    json_sprintf("%s > %s", text_of(event, "client"),
					 text_of(event, "server")));
	print_row(out, event, event_columns, N_COLUMNS);
}

static int put_line(const struct cmd *c, const char *line)
{
	json_t *event;
	json_int_t n;

	if (c->json) {
		fputs(line, c->out);
		fputc('\n', c->out);
		return CMD_DONE;
	}
	event = json_loads(line, 0, NULL);
	if (!json_is_object(event)) {
		json_decref(event);
		return cmd_failed(c, "is it of this version?",
				  "the daemon sent what is no event");
	}
	if (!strcmp(text_of(event, "event"), "lost")) {
		n = json_integer_value(json_object_get(event, "count"));
		cmd_note(c, NULL,
			 "%" JSON_INTEGER_FORMAT
			 " event%s lost: this reader was too slow",
			 n, n == 1 ? "" : "s");
	} else {
		put_event_text(c->out, event);
	}
	json_decref(event);
	return CMD_DONE;
}

/* Prints what has come. Returns -EAGAIN when that was all. */
static int put_lines(const struct cmd *c, struct client *cl, int *ret_code)
{
	char *line;
	int i, err = 0;

	for (i = 0; i < BURST && !*ret_code && !ferror(c->out); i++) {
		err = client_read_line(cl, &line);
		if (err)
			break;
		*ret_code = put_line(c, line);
	}
	if (err == -EAGAIN)
		fflush(c->out);
	else if (err == -EPIPE)
		*ret_code = cmd_failed(c,
				       "its log says why: journalctl -u "
				       "synkeeperd",
				       "the daemon has ended");
	else if (err)
		*ret_code = cmd_failed(c, NULL, "%s: %s", c->control,
				       strerror(-err));
	return err;
}

static int watch(const struct cmd *c, struct client *cl, int signals)
{
	struct pollfd p[] = {
		{ .fd = client_fd(cl), .events = POLLIN },
		{ .fd = signals, .events = POLLIN },
		{ .fd = fileno(c->out) }, /* the reader is gone? */
	};
	int code = CMD_DONE, err = 0;

	do {
		err = put_lines(c, cl, &code);
		poll(p, 3, err == -EAGAIN && !ferror(c->out) ? -1 : 0);
	} while (!code && !ferror(c->out) && !p[1].revents && !p[2].revents);
	if (p[2].revents & (POLLERR | POLLHUP)) { /* that is no failure */
		__fpurge(c->out);
		clearerr(c->out);
	}
	return code;
}

int session_watch(const struct cmd *c, const struct cmd_args *args)
{
	struct client *cl;
	struct filter f;
	sigset_t stop;
	int signals, code = session_filter(c, args, &f);

	if (code)
		return code;
	sigemptyset(&stop);
	sigaddset(&stop, SIGINT);
	sigaddset(&stop, SIGTERM);
	sigprocmask(SIG_BLOCK, &stop, NULL);
	signal(SIGPIPE, SIG_IGN);
	if (cmd_subscribe(
		    c, "session.watch",
		    json_pack("{s:o}", "filter", session_filter_words(args)),
		    &cl))
		return CMD_FAILED;
	signals = signalfd(-1, &stop, SFD_CLOEXEC);
	if (signals < 0)
		code = cmd_failed(c, NULL, "signalfd: %s", strerror(errno));
	else
		code = watch(c, cl, signals);
	close(signals);
	client_close(cl);
	return code;
}
