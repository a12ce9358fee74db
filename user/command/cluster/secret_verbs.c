/* SPDX-License-Identifier: GPL-2.0-only */
#include <errno.h>

#include "out/print.h"
#include "secret_verbs.h"
#include "secret/secret.h"

static const char *next_step(const struct secrets *s)
{
	if (secrets_find(s, SECRET_STAGED))
		return "once every node has it staged: synkeeper key promote";
	if (secrets_find(s, SECRET_FORMER))
		return "once every node has it promoted, and two minutes have "
		       "passed: synkeeper key retire";
	return "";
}

static json_t *secret_json(const struct secret *s)
{
	char print[SECRET_PRINT_MAX];

	return json_pack("{s:s,s:s,s:s}", "id", s->id, "role",
			 secret_role_name(s->role), "fingerprint",
			 secret_print(s, print));
}

static json_t *state_json(const char *path, bool changed,
			  const struct secrets *s)
{
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < s->n; i++)
		json_array_append_new(list, secret_json(&s->list[i]));
	return json_pack("{s:s,s:b,s:s,s:o,s:s}", "file", path, "changed",
			 changed, "stage", secrets_stage_name(s), "secrets",
			 list, "next", next_step(s));
}

void secrets_print(FILE *out, const json_t *secrets)
{
	static const struct column columns[] = {
		{ "SECRET", "id", CELL_STRING },
		{ "ROLE", "role", CELL_STRING },
		{ "FINGERPRINT", "fingerprint", CELL_STRING },
	};

	print_table(out, secrets, columns,
		    sizeof(columns) / sizeof(columns[0]));
}

static void state_text(FILE *out, const json_t *result)
{
	const char *next = json_string_value(json_object_get(result, "next"));
	bool changed = json_is_true(json_object_get(result, "changed"));

	fprintf(out, "%s: %s\n\n",
		json_string_value(json_object_get(result, "file")),
		changed ? "written; a daemon takes it over by synkeeper reload"
			: "was so before: nothing changed");
	secrets_print(out, json_object_get(result, "secrets"));
	if (*next)
		fprintf(out, "\n%s\n", next);
}

static int show(const struct cmd *c, const char *path, bool changed,
		struct secrets *s)
{
	json_t *result = state_json(path, changed, s);

	secrets_wipe(s);
	return cmd_show(c, result, state_text);
}

static const char *own_file(const struct cmd *c)
{
	if (!c->secret)
		cmd_failed(c, "set it, or name the configuration by -c",
			   "[keys] secret is not set in the configuration");
	return c->secret;
}

static bool is_ready(const struct cmd *c)
{
	if (!secret_init())
		return true;
	cmd_failed(c, NULL, "no random numbers");
	return false;
}

/* A file that is there already stays. */
int secret_generate(const struct cmd *c, const struct cmd_args *args)
{
	const char *path = args->n_operands ? args->operand[0] : own_file(c);
	char err[SECRET_ERR_MAX];
	struct secrets s;
	bool changed;
	int fault;

	if (!path || !is_ready(c))
		return CMD_FAILED;
	fault = secrets_read(path, &s, err);
	changed = fault == -ENOENT;
	if (changed) {
		fault = secrets_generate(&s, err);
		if (!fault)
			fault = secrets_write(path, &s, true, err);
	}
	if (!fault)
		return show(c, path, changed, &s);
	secrets_wipe(&s);
	return cmd_failed(c, NULL, "%s", err);
}

/* Applies @step, to which @from is passed, to the node's file. */
static int change(const struct cmd *c, const struct secrets *from,
		  int (*step)(struct secrets *s, const struct secrets *from,
			      char *err))
{
	const char *path = own_file(c);
	char err[SECRET_ERR_MAX];
	struct secrets s = {};
	int fault, changed;

	if (!path)
		return CMD_FAILED;
	fault = secrets_read(path, &s, err);
	if (!fault) {
		fault = changed = step(&s, from, err);
		if (changed > 0)
			fault = secrets_write(path, &s, false, err);
		if (!fault)
			return show(c, path, changed, &s);
	}
	secrets_wipe(&s);
	return cmd_failed(c, NULL, "%s", err);
}

int secret_stage(const struct cmd *c, const struct cmd_args *args)
{
	char err[SECRET_ERR_MAX];
	struct secrets from = {};
	int ret;

	if (!is_ready(c))
		return CMD_FAILED;
	if (secrets_read(args->operand[0], &from, err))
		return cmd_failed(c, NULL, "%s", err);
	ret = change(c, &from, secrets_stage);
	secrets_wipe(&from);
	return ret;
}

static int promote(struct secrets *s, const struct secrets *from, char *err)
{
	(void)from;
	return secrets_promote(s, err);
}

int secret_promote(const struct cmd *c, const struct cmd_args *args)
{
	(void)args;
	return is_ready(c) ? change(c, NULL, promote) : CMD_FAILED;
}

static int retire(struct secrets *s, const struct secrets *from, char *err)
{
	(void)from;
	return secrets_retire(s, err);
}

int secret_retire(const struct cmd *c, const struct cmd_args *args)
{
	(void)args;
	return is_ready(c) ? change(c, NULL, retire) : CMD_FAILED;
}
