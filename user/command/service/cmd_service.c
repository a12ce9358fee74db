/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: `synkeeper service`: which addresses and ports are
 * protected. Requests are put together here and validated by the daemon alone,
 * so that there is one definition of what is valid. A change survives a restart
 * only if it is saved.
 */
#include <stdlib.h>

#include "cmd.h"
#include "cmd_service.h"
#include "cmd_service_save.h"
#include "text/json_text.h"
#include "text/policy.h"
#include "out/print.h"

static const struct column service_columns[] = {
	{ "SERVICE", "listen", CELL_STRING },
	{ "NAME", "name", CELL_STRING },
	{ "POLICY", "policy", CELL_STRING },
	{ "ARMED", "armed", CELL_YES_NO },
	{ "OWNER", "owner", CELL_STRING },
	{ "OWNER WHY", "owner_why", CELL_STRING },
	{ "COOKIES", "cookies", CELL_STRING },
	{ "COOKIES WHY", "cookies_why", CELL_STRING },
	{ "NOT ARMED WHY", "why", CELL_STRING },
};

static const struct column rule_column = { "", "rule", CELL_STRING };

/* Below the table: a rule is longer than a column should be. */
static void put_bypasses(FILE *out, const json_t *services)
{
	json_t *service, *rule;
	char buf[PRINT_CELL_MAX];
	size_t i, k;

	json_array_foreach (services, i, service) {
		json_array_foreach (json_object_get(service, "bypasses"), k,
				    rule) {
			json_t *row = json_pack("{s:O}", "rule", rule);

			fprintf(out, "%s bypasses: %s\n",
				json_text(service, "listen"),
				print_cell(&rule_column, row, buf));
			json_decref(row);
		}
	}
}

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
	put_bypasses(out, services);
}

/* A line for each listener that was told something. */
static void list_listeners(FILE *out, const json_t *services)
{
	json_t *service;
	size_t i;

	json_array_foreach (services, i, service) {
		const char *learned = json_text(service, "listener");
		const char *lost = json_text(service, "not_honoured");

		if (*learned || *lost)
			fprintf(out, "%s: listener: %s%s%s%s\n",
				json_text(service, "listen"), learned,
				*learned && *lost ? "; " : "",
				*lost ? "not honoured while armed: " : "",
				lost);
	}
}

static void list_text(FILE *out, const json_t *result)
{
	const json_t *services = json_object_get(result, "services");

	cmd_service_table(out, services);
	list_listeners(out, services);
}

static int service_list(const struct cmd *c, const struct cmd_args *args)
{
	json_t *result;

	(void)args;
	if (cmd_call(c, "service.list", NULL, &result))
		return CMD_FAILED;
	return cmd_show(c, result, list_text);
}

/* The new state of one service, on one line. */
static void state_text(FILE *out, const json_t *service)
{
	const char *why = json_text(service, "why");
	const char *file = json_text(service, "saved");
	bool armed = json_is_true(json_object_get(service, "armed"));

	fprintf(out, "%s: policy %s, %s%s%s%s%s\n",
		json_text(service, "listen"), json_text(service, "policy"),
		armed ? "armed" : "not armed", *why ? ": " : "", why,
		*file ? ": saved in " : "", file);
}

static void deleted_text(FILE *out, const json_t *service)
{
	const char *file = json_text(service, "saved");

	fprintf(out, "%s: deleted, no longer protected%s%s\n",
		json_text(service, "listen"), *file ? ": saved in " : "", file);
}

struct change {
	const char *request;
	enum save save;
	void (*text)(FILE *out, const json_t *service);
	const char *member, *value; /* another member of the request, or NULL */
	bool is_saved;		    /* --save */
};

/* Says which part of a change a restart would undo. */
static void note_loss(const struct cmd *c, const struct change *how,
		      const json_t *service)
{
	bool by_hand = json_is_true(json_object_get(service, "by_hand"));
	const char *listen = json_text(service, "listen");

	if (c->json || (how->save == SAVE_DEL && by_hand))
		return;
	if (by_hand)
		cmd_note(c, "synkeeper service save keeps it",
			 "%s is lost when the daemon exits", listen);
	else
		cmd_note(c, "--save keeps the change",
			 "%s reverts to the configuration when the daemon "
			 "restarts",
			 listen);
}

/* Makes the change to the service at @listen, and saves it if told to. */
static int change(const struct cmd *c, const char *listen,
		  const struct change *how)
{
	char *file = NULL;
	json_t *request, *result;
	int code = CMD_DONE;

	request = json_pack("{s:s, s:s*}", "listen", listen,
			    how->member ? how->member : "", how->value);
	if (!request)
		return cmd_usage(c, NULL, "invalid UTF-8: %s %s", listen,
				 how->value ? how->value : "");
	if (cmd_call(c, how->request, request, &result))
		return CMD_FAILED;
	if (how->is_saved) {
		code = service_save_one(c, how->save, result, &file);
		json_object_set_new(result, "saved",
				    file ? json_string(file) : json_null());
	} else {
		note_loss(c, how, result);
	}
	cmd_show(c, result, how->text);
	free(file);
	return code;
}

static int service_add(const struct cmd *c, const struct cmd_args *args)
{
	const struct change how = { "service.add",   SAVE_AS_IT_IS,
				    state_text,	     "name",
				    args->option[0], args->option[1] };

	return change(c, args->operand[0], &how);
}

static int service_del(const struct cmd *c, const struct cmd_args *args)
{
	const struct change how = { .request = "service.del",
				    .save = SAVE_DEL,
				    .text = deleted_text,
				    .is_saved = args->option[0] };

	return change(c, args->operand[0], &how);
}

static int service_policy(const struct cmd *c, const struct cmd_args *args)
{
	const struct change how = { "service.policy", SAVE_AS_IT_IS,
				    state_text,	      "policy",
				    args->operand[1], args->option[0] };

	return change(c, args->operand[0], &how);
}

const struct cmd_object cmd_service = {
	.name = "service",
	.help = "protected addresses and ports",
	.more = "With --save a change is also written to the daemon's "
		"configuration file\n(root); otherwise it lasts until the "
		"daemon exits. Connections always continue.\n",
	.verb = {
		{ .name = "list",
		  .help = "all services, armed or why not",
		  .run = service_list },
		{ .name = "add",
		  .operand = { "A:P" },
		  .option = { { "--name", "N" }, { "--save" } },
		  .help = "protect another service",
		  .run = service_add },
		{ .name = "del",
		  .operand = { "A:P" },
		  .option = { { "--save" } },
		  .help = "stop protecting a service",
		  .run = service_del },
		{ .name = "policy",
		  .operand = { "A:P", POLICY_WORDS },
		  .option = { { "--save" } },
		  .help = "change the policy of a service",
		  .run = service_policy },
		{ .name = "save",
		  .help = "save added services to file (root)",
		  .run = service_save },
	},
};
