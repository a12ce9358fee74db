/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: `synkeeper metrics` prints what the daemon's HTTP
 * endpoint serves, whether or not that is enabled: for inspection, or for
 * node_exporter's textfile collector.
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
	.help = "all metrics, as the HTTP endpoint serves them",
	.verb = {
		{ .name = "",
		  .help = "all, in the Prometheus text format",
		  .run = metrics_run },
	},
};
