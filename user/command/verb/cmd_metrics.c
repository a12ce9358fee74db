/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: `synkeeper metrics` prints what the daemon's HTTP
 * endpoint serves, whether or not it is configured to: for a look by hand, or
 * for node_exporter's textfile collector.
 */
#include "cmd.h"

static void metrics_print(FILE *out, const json_t *result)
{
	const char *text = json_string_value(json_object_get(result, "text"));

	fputs(text ? text : "", out);
}

static int metrics_run(const struct cmd *c, const struct cmd_args *args)
{
	json_t *result;

	(void)args;
	if (cmd_call(c, "metrics", NULL, &result))
		return CMD_FAILED;
	return cmd_show(c, result, metrics_print);
}

const struct cmd_object cmd_metrics = {
	.name = "metrics",
	.help = "Prometheus' text format, as the HTTP endpoint serves it",
	.verb = {
		{ .name = "",
		  .help = "all metrics",
		  .run = metrics_run },
	},
};
