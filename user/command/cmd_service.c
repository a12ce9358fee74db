/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: `synkeeper service`: which address:port is protected.
 * The daemon judges addresses, names and policies; only what would be sent
 * is put together here, so that there is one opinion of what is valid.
 */
#include "cmd.h"
#include "cmd_service.h"
#include "policy.h"
#include "print.h"

static const struct column service_columns[] = {
	{ "SERVICE", "listen", CELL_STRING },
	{ "NAME", "name", CELL_STRING },
	{ "POLICY", "policy", CELL_STRING },
	{ "ARMED", "armed", CELL_YES_NO },
	{ "COOKIES", "cookies", CELL_STRING },
	{ "BECAUSE", "cookies_why", CELL_STRING },
	{ "WHY NOT", "why", CELL_STRING },
};

void cmd_service_table(FILE *out, const json_t *services)
{
	if (!json_array_size(services))
		fputs("no services: nothing is protected; add one with "
		      "synkeeper service add A:P\n",
		      out);
	else
		print_table(out, services, service_columns,
			    sizeof(service_columns) /
				    sizeof(service_columns[0]));
}

static void list_text(FILE *out, const json_t *result)
{
	cmd_service_table(out, json_object_get(result, "services"));
}

static int service_list(const struct cmd *c, const struct cmd_args *args)
{
	json_t *result;

	(void)args;
	if (cmd_call(c, "service.list", NULL, &result))
		return CMD_FAILED;
	return cmd_show(c, result, list_text);
}

static const char *text_of(const json_t *service, const char *member)
{
	const char *text = json_string_value(json_object_get(service, member));

	return text ? text : "";
}

/* What became of one service, in a sentence. */
static void state_text(FILE *out, const json_t *service)
{
	const char *why = text_of(service, "why");
	bool armed = json_is_true(json_object_get(service, "armed"));

	fprintf(out, "%s: policy %s, %s%s%s\n", text_of(service, "listen"),
		text_of(service, "policy"), armed ? "armed" : "not armed",
		*why ? ": " : "", why);
}

static void deleted_text(FILE *out, const json_t *service)
{
	fprintf(out, "%s: deleted, no longer protected\n",
		text_of(service, "listen"));
}

/* Sends @name about the service at @listen, with one more member if set. */
static int about(const struct cmd *c, const char *name, const char *listen,
		 const char *member, const char *value,
		 void (*text)(FILE *out, const json_t *result))
{
	json_t *request, *result;

	request = json_pack("{s:s, s:s*}", "listen", listen, member, value);
	if (!request)
		return cmd_usage(c, NULL, "not UTF-8: %s %s", listen,
				 value ? value : "");
	if (cmd_call(c, name, request, &result))
		return CMD_FAILED;
	return cmd_show(c, result, text);
}

static int service_add(const struct cmd *c, const struct cmd_args *args)
{
	return about(c, "service.add", args->operand[0], "name",
		     args->option[0], state_text);
}

static int service_del(const struct cmd *c, const struct cmd_args *args)
{
	return about(c, "service.del", args->operand[0], "", NULL,
		     deleted_text);
}

static int service_policy(const struct cmd *c, const struct cmd_args *args)
{
	return about(c, "service.policy", args->operand[0], "policy",
		     args->operand[1], state_text);
}

const struct cmd_object cmd_service = {
	.name = "service",
	.help = "the addresses and ports that are protected",
	.verb = {
		{ .name = "list",
		  .help = "all services, armed or why not",
		  .run = service_list },
		{ .name = "add",
		  .operand = { "A:P" },
		  .option = { { "--name", "N" } },
		  .help = "protect one more, until the daemon ends",
		  .run = service_add },
		{ .name = "del",
		  .operand = { "A:P" },
		  .help = "protect it no longer; its connections live on",
		  .run = service_del },
		{ .name = "policy",
		  .operand = { "A:P", POLICY_WORDS },
		  .help = "change its policy, until the daemon ends",
		  .run = service_policy },
	},
};
