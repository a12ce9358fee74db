/* SPDX-License-Identifier: GPL-2.0-only */
/* Theory of operation: see follow.h. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "client.h"
#include "stream.h"

enum { BURST = 256 }; /* lines between two looks for a signal */

json_t *follow_event(const struct cmd *c, const char *line)
{
	json_t *event = json_loads(line, 0, NULL);

	if (json_is_object(event))
		return event;
	json_decref(event);
	cmd_failed(c, "is it of this version?",
		   "the daemon sent what is no event");
	return NULL;
}

json_int_t follow_lost(const json_t *event)
{
	const char *name = json_string_value(json_object_get(event, "event"));

	if (!name || strcmp(name, "lost") != 0)
		return 0;
	return json_integer_value(json_object_get(event, "count"));
}

/* Takes what has come. *@ret_idle: that was all of it. */
static enum follow_next take_lines(const struct cmd *c, struct client *cl,
				   const struct follower *f, bool *ret_idle)
{
	enum follow_next next = FOLLOW_ON;
	char *line;
	int i, err = 0;

	for (i = 0; i < BURST && next == FOLLOW_ON; i++) {
		err = client_read_line(cl, &line);
		if (err)
			break;
		next = f->line(f->data, line);
	}
	*ret_idle = err == -EAGAIN;
	if (!err || next != FOLLOW_ON)
		return next;
	if (*ret_idle)
		return f->pause ? f->pause(f->data) : FOLLOW_ON;
	if (err == -EPIPE)
		cmd_hung_up(c, "");
	else
		cmd_failed(c, NULL, "%s: %s", c->control, strerror(-err));
	return FOLLOW_FAILED;
}

static int run(const struct cmd *c, struct client *cl, int signals,
	       const struct follower *f)
{
	struct pollfd p[] = {
		{ .fd = client_fd(cl), .events = POLLIN },
		{ .fd = signals, .events = POLLIN },
		{ .fd = -1 }, /* poll() skips it */
	};
	enum follow_next next = f->begin ? f->begin(f->data) : FOLLOW_ON;
	bool idle;

	p[2].fd = f->out(f->data);
	while (next == FOLLOW_ON && !p[1].revents && !p[2].revents) {
		next = take_lines(c, cl, f, &idle);
		if (next == FOLLOW_ON)
			poll(p, 3, idle ? -1 : 0);
	}
	return next == FOLLOW_FAILED ? CMD_FAILED : CMD_DONE;
}

int follow(const struct cmd *c, const char *name, json_t *request,
	   const struct follower *f)
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
		code = run(c, cl, signals, f);
	close(signals);
	client_close(cl);
	return code;
}
