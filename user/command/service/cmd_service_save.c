/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the daemon reports which file it was started with;
 * conf_edit.h changes its text, conf_file.h replaces the file. The daemon need
 * not re-read it: it already does what the file says then.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cmd_service_save.h"
#include "conf_edit.h"
#include "conf_file.h"
#include "text/json_text.h"

static bool is_by_hand(const json_t *service)
{
	return json_is_true(json_object_get(service, "by_hand"));
}

static int not_saved(const struct cmd *c, const json_t *service, int err,
		     const char *why, const char *path)
{
	const char *listen = json_text(service, "listen");

	switch (err) {
	case -ENOENT:
		return cmd_failed(c, "was it given on the command line, -s?",
				  "%s has no service %s", path, listen);
	case -EINVAL:
		return cmd_failed(c, why, "%s: cannot change %s", path, listen);
	default:
		return cmd_failed(c, NULL, "%s: %s", path, strerror(-err));
	}
}

/* Edits one service in @f's text, unless it is already as it should be. */
static int edit(const struct cmd *c, enum save what, const json_t *service,
		struct conf_file *f)
{
	const char *policy = json_text(service, "policy"), *wrong;
	char *text = NULL, why[CONF_WHY_MAX] = "";
	struct listen l;
	int err;

	if (listen_parse(json_text(service, "listen"), &l, &wrong))
		return cmd_failed(c, NULL, "%s: %s",
				  json_text(service, "listen"), wrong);
	if (what == SAVE_DEL)
		err = conf_del(f->text, &l, &text, why);
	else
		err = conf_policy(f->text, &l, policy, &text, why);
	if (err == -ENOENT && what != SAVE_DEL && is_by_hand(service))
		err = conf_add(f->text, json_text(service, "name"), &l, policy,
			       &text, why);
	if (err == -EEXIST || (err == -ENOENT && what == SAVE_DEL))
		return CMD_DONE;
	if (err)
		return not_saved(c, service, err, why, f->path);
	free(f->text);
	f->text = text;
	return CMD_DONE;
}

/* The file that the daemon of @status was started with. */
static int open_file(const struct cmd *c, const json_t *status,
		     struct conf_file *ret)
{
	const char *path = json_string_value(json_object_get(status, "config"));

	if (!path) {
		cmd_failed(c,
			   "start it with -c FILE, or give the service with "
			   "-s at each start",
			   "not saved: the daemon runs without a "
			   "configuration file");
		return CMD_FAILED;
	}
	return conf_file_read(c, path, ret);
}

int service_save_one(const struct cmd *c, enum save what, const json_t *service,
		     char **ret_file)
{
	struct conf_file f = {};
	json_t *status = NULL;
	int code;

	if (cmd_call(c, "status", NULL, &status))
		return CMD_FAILED;
	code = open_file(c, status, &f);
	if (!code) {
		code = edit(c, what, service, &f);
		if (!code)
			code = conf_file_write(c, &f);
		*ret_file = code ? NULL : strdup(f.path);
		conf_file_free(&f);
	}
	json_decref(status);
	return code;
}

static void save_text(FILE *out, const json_t *result)
{
	const json_t *saved = json_object_get(result, "saved");
	const char *file = json_text(result, "file");
	json_t *listen;
	size_t i;

	if (!json_array_size(saved))
		fprintf(out, "nothing to save: %s has every service\n", file);
	json_array_foreach (saved, i, listen) {
		fprintf(out, "%s: saved in %s\n", json_string_value(listen),
			file);
	}
}

/* Adds each service by hand that @f lacks, and lists it in @saved. */
static int edit_all(const struct cmd *c, const json_t *services,
		    struct conf_file *f, json_t *saved)
{
	json_t *service;
	const char *was;
	size_t i;

	json_array_foreach (services, i, service) {
		if (!is_by_hand(service))
			continue;
		was = f->text;
		if (edit(c, SAVE_AS_IT_IS, service, f))
			return CMD_FAILED;
		if (f->text != was)
			json_array_append(saved,
					  json_object_get(service, "listen"));
	}
	return CMD_DONE;
}

int service_save(const struct cmd *c, const struct cmd_args *args)
{
	json_t *status = NULL, *saved;
	struct conf_file f = {};
	int code;

	(void)args;
	if (cmd_call(c, "status", NULL, &status))
		return CMD_FAILED;
	code = open_file(c, status, &f);
	if (!code) {
		saved = json_array();
		code = edit_all(c, json_object_get(status, "services"), &f,
				saved);
		if (!code && json_array_size(saved))
			code = conf_file_write(c, &f);
		if (!code)
			cmd_show(c,
				 json_pack("{s:s, s:O}", "file", f.path,
					   "saved", saved),
				 save_text);
		json_decref(saved);
		conf_file_free(&f);
	}
	json_decref(status);
	return code;
}
