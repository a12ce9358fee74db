/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: `synkeeper top`: one loop waits for keys, terminating
 * signals and the daemon (top_feed.h), and redraws when one of them brought
 * something and the terminal has taken the last frame (top_output.h). Signals
 * are read from a signalfd, so that the terminal is restored on every exit.
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "cmd.h"
#include "out/rates.h"
#include "top_feed.h"
#include "top_model.h"
#include "top_output.h"
#include "top_screen.h"

enum { OPT_INTERVAL };
enum { FD_KEYS, FD_SIGNALS, FD_OUTPUT, FD_FEED, FDS = FD_FEED + TOP_FEED_FDS };
enum { WAIT_MS = 1000 }; /* for a resize just before poll() */

struct top_command {
	struct top model;
	struct top_view view;
	struct top_feed *feed;
	char host[HOST_NAME_MAX + 1];
	char trouble[128];
	bool quit, dirty;
};

/* ---- from the daemon ---- */

static void on_answers(void *data, json_t *status, json_t *stats,
		       json_t *totals, double when)
{
	struct top_command *top = data;

	top->view.trouble = NULL;
	top->dirty = true;
	if (!top->view.paused) {
		top_update(&top->model, status, stats, totals, when);
		return;
	}
	json_decref(status);
	json_decref(stats);
	json_decref(totals);
}

static void on_sample(void *data, const json_t *sample)
{
	struct top_command *top = data;

	if (!top->view.paused)
		top_sources_add(
			&top->model.sources,
			json_string_value(json_object_get(sample, "client")));
}

static void on_gone(void *data, int err)
{
	struct top_command *top = data;

	snprintf(top->trouble, sizeof(top->trouble),
		 "no answer from the daemon: %s: retrying", strerror(-err));
	top->view.trouble = top->trouble;
	top_gap(&top->model);
	top->dirty = true;
}

/* ---- from the user ---- */

static void scroll(struct top_view *v, long by)
{
	long to = (long)v->first + by;

	v->first = to > 0 ? to : 0; /* the screen limits it at the end */
}

static void toggle_pause(struct top_command *top)
{
	top->view.paused = !top->view.paused;
	if (!top->view.paused)
		top_gap(&top->model);
}

static void on_key(struct top_command *top, enum top_key key)
{
	struct top_view *v = &top->view;
	int page = top_screen_page(&top->model);

	top->dirty = true;
	if (v->help && key != TOP_KEY_RESIZE) {
		v->help = false;
		return;
	}
	switch (key) {
	case TOP_KEY_QUIT:
		top->quit = true;
		break;
	case TOP_KEY_UP:
		scroll(v, -1);
		break;
	case TOP_KEY_DOWN:
		scroll(v, 1);
		break;
	case TOP_KEY_PAGE_UP:
		scroll(v, -page);
		break;
	case TOP_KEY_PAGE_DOWN:
		scroll(v, page);
		break;
	case TOP_KEY_HOME:
		v->first = 0;
		break;
	case TOP_KEY_SORT:
		top_sort(&top->model, (top->model.order + 1) % TOP_ORDERS);
		break;
	case TOP_KEY_PAUSE:
		toggle_pause(top);
		break;
	case TOP_KEY_HELP:
		v->help = true;
		break;
	case TOP_KEY_NONE:
	case TOP_KEY_RESIZE:
	case TOP_KEY_OTHER:
		break;
	}
}

/* ---- the loop ---- */

static void loop(struct top_command *top, int signals)
{
	struct pollfd p[FDS] = {
		[FD_KEYS] = { .fd = STDIN_FILENO, .events = POLLIN },
		[FD_SIGNALS] = { .fd = signals, .events = POLLIN },
		[FD_OUTPUT] = { .events = POLLOUT },
	};
	enum top_key key;
	bool out;
	int wait;

	while (!top->quit) {
		top_feed_step(top->feed);
		top->view.no_samples = top_feed_no_samples(top->feed);
		out = top_output_step();
		if (out && top->dirty) {
			top_screen_draw(&top->model, &top->view);
			top->dirty = false;
			out = top_output_step();
		}
		p[FD_OUTPUT].fd = out ? -1 : top_output_fd();
		wait = top_feed_wait(top->feed, p + FD_FEED);
		poll(p, FDS, wait < WAIT_MS ? wait : WAIT_MS);
		if (p[FD_SIGNALS].revents ||
		    p[FD_KEYS].revents & (POLLHUP | POLLERR))
			break;
		while (!top->quit && (key = top_screen_key()))
			on_key(top, key);
	}
}

static int on_screen(const struct cmd *c, struct top_command *top)
{
	const char *term = getenv("TERM");
	sigset_t stop;
	int signals, err;

	sigemptyset(&stop);
	sigaddset(&stop, SIGINT);
	sigaddset(&stop, SIGTERM);
	sigaddset(&stop, SIGHUP);
	sigaddset(&stop, SIGQUIT);
	sigprocmask(SIG_BLOCK, &stop, NULL);
	signals = signalfd(-1, &stop, SFD_CLOEXEC);
	if (signals < 0)
		return cmd_failed(c, NULL, "signalfd: %s", strerror(errno));
	err = top_screen_open();
	if (err) {
		close(signals);
		if (err != -ENOTTY)
			return cmd_failed(c, NULL, "terminal: %s",
					  strerror(-err));
		return cmd_failed(c, "set TERM, for example to xterm",
				  "unknown terminal \"%s\"", term ? term : "");
	}
	loop(top, signals);
	top_screen_close();
	close(signals);
	return CMD_DONE;
}

/* Refuses to start without a terminal or a daemon. */
static int check(const struct cmd *c, const struct cmd_args *args,
		 double *ret_period)
{
	const char *period = args->option[OPT_INTERVAL];
	json_t *status;

	if (c->json)
		return cmd_usage(c, "use -j status or -j stats --watch",
				 "top has no JSON output");
	if (rates_period(period ? period : "", ret_period))
		return cmd_usage(c, "must be 0.1 to 86400 seconds",
				 "--interval %s", period);
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return cmd_failed(c,
				  "use stats --watch for plain text, -j status "
				  "for JSON",
				  "not a terminal");
	if (cmd_call(c, "status", NULL, &status))
		return CMD_FAILED;
	json_decref(status);
	return CMD_DONE;
}

static int top_run(const struct cmd *c, const struct cmd_args *args)
{
	struct top_command top = {};
	const struct top_feed_to to = { .answers = on_answers,
					.sample = on_sample,
					.gone = on_gone,
					.data = &top };
	double period = 1;
	int code = check(c, args, &period);

	if (code)
		return code;
	gethostname(top.host, sizeof(top.host) - 1);
	top.view.host = top.host;
	top.feed = top_feed_new(c->control, period, &to);
	if (!top.feed)
		return cmd_failed(c, NULL, "%s", strerror(ENOMEM));
	code = on_screen(c, &top);
	top_feed_free(top.feed);
	top_free(&top.model);
	return code;
}

const struct cmd_object cmd_top = {
	.name = "top",
	.help = "live view",
	.verb = {
		{ .name = "",
		  .option = { [OPT_INTERVAL] = { "--interval", "SECONDS" } },
		  .help = "full-screen live view; ?: its keys",
		  .run = top_run },
	},
};
