/* SPDX-License-Identifier: GPL-2.0-only */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "client.h"
#include "stream.h"

enum { BURST = 256 }; /* lines between two checks for a signal */

json_t *stream_event(const struct cmd *c, const char *line)
{
	json_t *event = json_loads(line, 0, NULL);

	if (json_is_object(event))
		return event;
	json_decref(event);
	cmd_failed(c, "is it the same version as this command?",
		   "the daemon sent an invalid event");
	return NULL;
}

json_int_t stream_lost(const json_t *event)
{
	const char *name = json_string_value(json_object_get(event, "event"));

	if (!name || strcmp(name, "lost") != 0)
		return 0;
	return json_integer_value(json_object_get(event, "count"));
}

/* Takes the lines that have arrived; *@ret_idle: all of them. */
static enum stream_next take_lines(const struct cmd *c, struct client *cl,
				   const struct stream_handler *f,
				   bool *ret_idle)
{
	enum stream_next next = STREAM_ON;
	char *line;
	int i, err = 0;

	for (i = 0; i < BURST && next == STREAM_ON; i++) {
		err = client_read_line(cl, &line);
		if (err)
			break;
		next = f->line(f->data, line);
	}
	*ret_idle = err == -EAGAIN;
	if (!err || next != STREAM_ON)
		return next;
	if (*ret_idle)
		return f->pause ? f->pause(f->data) : STREAM_ON;
	if (err == -EPIPE)
		cmd_hung_up(c, "");
	else
		cmd_failed(c, NULL, "%s: %s", c->control, strerror(-err));
	return STREAM_FAILED;
}

static int wait_and_take(const struct cmd *c, struct client *cl, int signals,
			 const struct stream_handler *f)
{
	struct pollfd p[] = {
		{ .fd = client_fd(cl), .events = POLLIN },
		{ .fd = signals, .events = POLLIN },
		{ .fd = -1 }, /* poll() skips it */
	};
	enum stream_next next = f->begin ? f->begin(f->data) : STREAM_ON;
	bool idle;

	p[2].fd = f->out(f->data);
	while (next == STREAM_ON && !p[1].revents && !p[2].revents) {
		next = take_lines(c, cl, f, &idle);
		if (next == STREAM_ON)
			poll(p, 3, idle ? -1 : 0);
	}
	return next == STREAM_FAILED ? CMD_FAILED : CMD_DONE;
}

int stream_run(const struct cmd *c, const char *name, json_t *request,
	       const struct stream_handler *f)
{
	struct client *cl;
	sigset_t stop;
	int signals, code;

	sigemptyset(&stop);
	sigaddset(&stop, SIGINT);
	sigaddset(&stop, SIGTERM);
	sigprocmask(SIG_BLOCK, &stop, NULL);
	signal(SIGPIPE, SIG_IGN);
	if (cmd_subscribe(c, name, request, &cl))
		return CMD_FAILED;
	signals = signalfd(-1, &stop, SFD_CLOEXEC);
	if (signals < 0)
		code = cmd_failed(c, NULL, "signalfd: %s", strerror(errno));
	else
		code = wait_and_take(c, cl, signals, f);
	close(signals);
	client_close(cl);
	return code;
}
