/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: requests of the objects to the daemon, and the messages
 * for when it does not answer.
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

/* How long the daemon may take to answer request @name. */
static int limit_ms(const char *name)
{
	return strcmp(name, "reload") ? CLIENT_TIMEOUT_MS : CLIENT_RELOAD_MS;
}

/*
 * Has the daemon exited? The kernel closes the files of a killed process one by
 * one: its listening socket may outlive our connection for a moment.
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
		return cmd_failed(c, "see its log: journalctl -u synkeeperd",
				  "the daemon exited%s", before);
	return cmd_failed(c,
			  "see the daemon's log (journalctl -u synkeeperd), or "
			  "is this another program's socket?",
			  "%s: connection closed%s", c->control, before);
}

/* Nothing is listening on the socket's path, or it is not a socket. */
static void nobody_answers(const struct cmd *c)
{
	char path[PATH_MAX];
	struct stat st;

	if (!stat(c->control, &st) && !S_ISSOCK(st.st_mode)) {
		cmd_failed(c, "give the daemon's with --control PATH",
			   "%s is not a socket", c->control);
		return;
	}
	snprintf(path, sizeof(path), "%s/maps/settings", c->pin_dir);
	cmd_failed(c,
		   access(path, F_OK)
			   ? "start synkeeperd, or give its socket with "
			     "--control PATH"
			   : "the pinned data path still protects; start "
			     "synkeeperd to take it over, or remove it with "
			     "synkeeper down",
		   "no daemon is listening on %s", c->control);
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
			   "no permission to open %s", c->control);
		break;
	case -ETIMEDOUT:
		cmd_failed(c, "see its log: journalctl -u synkeeperd",
			   "the daemon did not answer within %d seconds",
			   limit_ms(name) / 1000);
		break;
	case -EPIPE:
		cmd_hung_up(c, " before it answered");
		break;
	case -EPROTO:
	case -EMSGSIZE:
		cmd_failed(c,
			   "is this the socket of a synkeeperd of the same "
			   "version?",
			   "invalid reply from %s (%s)", c->control,
			   strerror(-err));
		break;
	default:
		cmd_failed(c, NULL, "%s: %s", c->control, strerror(-err));
	}
}

/* Consumes @reply; *@ret_result is the caller's. Returns 0 or -EREMOTEIO. */
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
			   error ? error : "the daemon gave no reason");
		err = -EREMOTEIO;
	}
	json_decref(reply);
	return err;
}

/* Asks on a new connection, which the caller closes. */
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
