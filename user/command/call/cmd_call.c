/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: what the objects ask of the daemon, and what is said
 * when it does not answer, see cmd.h.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "client.h"
#include "cmd.h"

enum { HUNG_UP_LOOKS = 10, HUNG_UP_PAUSE_NS = 20000000 };

bool cmd_no_daemon(int err)
{
	return err == -ENOENT || err == -ECONNREFUSED;
}

/* How long the daemon may take for request @name. */
static int limit_ms(const char *name)
{
	return strcmp(name, "reload") ? CLIENT_TIMEOUT_MS : CLIENT_RELOAD_MS;
}

/*
 * Does nobody answer there any more? The kernel closes what a killed daemon had
 * open one by one, so its socket may outlast our connection for a moment.
 */
static bool has_ended(const struct cmd *c)
{
	const struct timespec pause = { .tv_nsec = HUNG_UP_PAUSE_NS };
	int i, err = 0;

	for (i = 0; i < HUNG_UP_LOOKS && !cmd_no_daemon(err); i++) {
		struct client *cl = NULL;

		if (i)
			nanosleep(&pause, NULL);
		err = client_open(c->control, &cl);
		client_close(cl);
	}
	return cmd_no_daemon(err);
}

int cmd_hung_up(const struct cmd *c, const char *before)
{
	if (has_ended(c))
		return cmd_failed(c,
				  "its log says why: journalctl -u "
				  "synkeeperd",
				  "the daemon has ended%s", before);
	return cmd_failed(c,
			  "its log may say why: journalctl -u synkeeperd; or "
			  "is that another program's socket?",
			  "%s: the connection was closed%s", c->control,
			  before);
}

/* Nobody listens at the socket's path, or it is none. */
static void nobody_answers(const struct cmd *c)
{
	char path[PATH_MAX];
	struct stat st;

	if (!stat(c->control, &st) && !S_ISSOCK(st.st_mode)) {
		cmd_failed(c, "name the daemon's with --control PATH",
			   "%s is no socket", c->control);
		return;
	}
	snprintf(path, sizeof(path), "%s/maps/settings", c->pin_dir);
	cmd_failed(c,
		   access(path, F_OK)
			   ? "start synkeeperd, or name its socket with "
			     "--control PATH"
			   : "what it pinned goes on protecting without it; "
			     "start synkeeperd to take that over, or remove "
			     "it with synkeeper down",
		   "no daemon answers at %s", c->control);
}

static void call_failed(const struct cmd *c, const char *name, int err)
{
	switch (err) {
	case -ENOENT:
	case -ECONNREFUSED:
		nobody_answers(c);
		break;
	case -EACCES:
	case -EPERM:
		cmd_failed(c, "run as root, or as a member of its group",
			   "no permission for %s", c->control);
		break;
	case -ETIMEDOUT:
		cmd_failed(c, "look at its log: journalctl -u synkeeperd",
			   "the daemon did not answer within %d seconds",
			   limit_ms(name) / 1000);
		break;
	case -EPIPE:
		cmd_hung_up(c, " before it answered");
		break;
	case -EPROTO:
	case -EMSGSIZE:
		cmd_failed(c,
			   "is that synkeeperd's socket, and of this version?",
			   "%s gave no proper answer (%s)", c->control,
			   strerror(-err));
		break;
	default:
		cmd_failed(c, NULL, "%s: %s", c->control, strerror(-err));
	}
}

/* The result in @reply, which is consumed, or -EREMOTEIO. */
static int take_result(const struct cmd *c, json_t *reply, json_t **ret_result)
{
	json_t *result = json_object_get(reply, "result");
	const char *error, *hint;
	int err = 0;

	if (json_is_true(json_object_get(reply, "ok")) &&
	    json_is_object(result)) {
		*ret_result = json_incref(result);
	} else {
		error = json_string_value(json_object_get(reply, "error"));
		hint = json_string_value(json_object_get(reply, "hint"));
		cmd_failed(c, hint, "%s",
			   error ? error : "the daemon did not say why not");
		err = -EREMOTEIO;
	}
	json_decref(reply);
	return err;
}

/* Asks on a new connection, which is the caller's to close. */
static int ask(const struct cmd *c, const char *name, json_t *request,
	       struct client **ret_client, json_t **ret_result)
{
	struct client *cl = NULL;
	json_t *reply = NULL;
	int err = -ENOMEM;

	if (!request)
		request = json_object();
	if (!json_object_set_new(request, "cmd", json_string(name)))
		err = client_open(c->control, &cl);
	if (!err)
		err = client_request(cl, request, limit_ms(name), &reply);
	json_decref(request);
	if (!err)
		err = take_result(c, reply, ret_result);
	else if (!cmd_no_daemon(err))
		call_failed(c, name, err);
	if (err)
		client_close(cl);
	else
		*ret_client = cl;
	return err;
}

int cmd_try_call(const struct cmd *c, const char *name, json_t *request,
		 json_t **ret_result)
{
	struct client *cl;
	int err = ask(c, name, request, &cl, ret_result);

	if (!err)
		client_close(cl);
	return err;
}

int cmd_call(const struct cmd *c, const char *name, json_t *request,
	     json_t **ret_result)
{
	int err = cmd_try_call(c, name, request, ret_result);

	if (cmd_no_daemon(err))
		call_failed(c, name, err);
	return err;
}

int cmd_subscribe(const struct cmd *c, const char *name, json_t *request,
		  struct client **ret)
{
	json_t *result;
	int err = ask(c, name, request, ret, &result);

	if (!err)
		json_decref(result);
	else if (cmd_no_daemon(err))
		call_failed(c, name, err);
	return err;
}
