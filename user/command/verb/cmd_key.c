/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: `synkeeper key`. The keys themselves never leave the
 * daemon; shown are the state and age of each slot. The verbs about a secret
 * that nodes share are in cluster/secret_verbs.c.
 */
#include "cluster/secret_verbs.h"
#include "cmd.h"
#include "out/print.h"

static const struct column key_columns[] = {
	{ "SLOT", "slot", CELL_STRING },
	{ "STATE", "state", CELL_STRING },
	{ "AGE", "age_s", CELL_DURATION },
};

static void list_text(FILE *out, const json_t *result)
{
	const json_t *secrets = json_object_get(result, "secrets");
	char life[PRINT_CELL_MAX];

	fprintf(out, "epoch %" JSON_INTEGER_FORMAT ", rotated every %s\n\n",
		json_integer_value(json_object_get(result, "epoch")),
		print_duration(json_number_value(
				       json_object_get(result, "lifetime_s")),
			       life));
	if (json_array_size(secrets)) {
		secrets_print(out, secrets);
		return;
	}
	print_table(out, json_object_get(result, "keys"), key_columns,
		    sizeof(key_columns) / sizeof(key_columns[0]));
}

static int key_list(const struct cmd *c, const struct cmd_args *args)
{
	json_t *result;

	(void)args;
	if (cmd_call(c, "key.list", NULL, &result))
		return CMD_FAILED;
	return cmd_show(c, result, list_text);
}

static void rotate_text(FILE *out, const json_t *result)
{
	fprintf(out,
		"epoch %" JSON_INTEGER_FORMAT
		" begun; cookies of the previous epoch stay valid until the "
		"next rotation\n",
		json_integer_value(json_object_get(result, "epoch")));
}

static int key_rotate(const struct cmd *c, const struct cmd_args *args)
{
	json_t *result;

	(void)args;
	if (cmd_call(c, "key.rotate", NULL, &result))
		return CMD_FAILED;
	return cmd_show(c, result, rotate_text);
}

const struct cmd_object cmd_key = {
	.name = "key",
	.help = "cookie keys; they are never shown themselves",
	.verb = {
		{ .name = "list",
		  .help = "state and age of each key",
		  .run = key_list },
		{ .name = "rotate",
		  .help = "begin a new epoch now",
		  .run = key_rotate },
		{ .name = "generate",
		  .operand = { "[FILE]" },
		  .help = "make a secret to share with other nodes",
		  .run = secret_generate },
		{ .name = "stage",
		  .operand = { "FILE" },
		  .help = "accept the cookies of another secret, too",
		  .run = secret_stage },
		{ .name = "promote",
		  .help = "make cookies with the staged secret",
		  .run = secret_promote },
		{ .name = "retire",
		  .help = "drop the former secret",
		  .run = secret_retire },
	},
};
