/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: `synkeeper cluster`: what this node shares with others,
 * to be compared between them. Nodes never talk to each other.
 */
#include "cmd.h"
#include "out/print.h"
#include "secret_verbs.h"
#include "text/json_text.h"

static const struct column promise_columns[] = {
	{ "SERVICE", "listen", CELL_STRING },
	{ "SYN-ACKS BY IPV4", "ipv4", CELL_STRING },
	{ "BY IPV6", "ipv6", CELL_STRING },
};

static double number(const json_t *o, const char *member)
{
	return json_number_value(json_object_get(o, member));
}

static void cluster_text(FILE *out, const json_t *result)
{
	const json_t *clock = json_object_get(result, "clock");
	bool synced = json_is_true(json_object_get(clock, "synchronised"));
	char left[PRINT_CELL_MAX];

	fprintf(out, "stage   %s\n", json_text(result, "stage"));
	fprintf(out, "epoch   %.0f, %s half; keys for %s\n",
		number(result, "epoch"), json_text(result, "half"),
		print_duration(number(result, "keys_s"), left));
	fprintf(out,
		"clock   %s%s, offset %+.6f s, at most %.6f s off; TAI %+.0f "
		"s\n",
		synced ? "synchronised" : "NOT SYNCHRONISED",
		json_is_true(json_object_get(clock, "moved"))
			? " (moved by a test)"
			: "",
		number(clock, "offset_s"), number(clock, "error_s"),
		number(clock, "tai_s"));
	fprintf(out, "profile %s\n\n", json_text(result, "profile"));
	secrets_print(out, json_object_get(result, "secrets"));
	fputc('\n', out);
	print_table(out, json_object_get(result, "services"), promise_columns,
		    sizeof(promise_columns) / sizeof(promise_columns[0]));
}

static int cluster_status(const struct cmd *c, const struct cmd_args *args)
{
	json_t *result;

	(void)args;
	if (cmd_call(c, "cluster", NULL, &result))
		return CMD_FAILED;
	return cmd_show(c, result, cluster_text);
}

const struct cmd_object cmd_cluster = {
	.name = "cluster",
	.help = "what this node shares with others: secret, epoch, clock",
	.verb = {
		{ .name = "",
		  .help = "secrets, epoch and clock, to compare nodes by",
		  .run = cluster_status },
	},
};
