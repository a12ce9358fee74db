// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: `synkeeper reload`: the daemon re-reads its
 * configuration, applies all of it or nothing, and reports the changes.
 */
#include "text/change.h"
#include "cmd.h"

static void put_changes(FILE *out, const json_t *changes)
{
	const char *what, *from, *to, *needs, *note;
	char line[CHANGE_STRLEN];
	json_t *change;
	size_t i;

	json_array_foreach (changes, i, change) {
		what = json_string_value(json_object_get(change, "what"));
		from = json_string_value(json_object_get(change, "from"));
		to = json_string_value(json_object_get(change, "to"));
		needs = json_string_value(json_object_get(change, "needs"));
		note = json_string_value(json_object_get(change, "note"));
		fprintf(out, "%s\n",
			change_format(what ? what : "", from, to, needs, note,
				      line));
	}
}

static void report_text(FILE *out, const json_t *report)
{
	const json_t *changed = json_object_get(report, "changed");
	const json_t *rest = json_object_get(report, "needs_restart");

	put_changes(out, changed);
	put_changes(out, rest);
	if (!json_array_size(changed) && !json_array_size(rest))
		fputs("nothing changed\n", out);
}

static int reload_run(const struct cmd *c, const struct cmd_args *args)
{
	json_t *report;

	(void)args;
	if (cmd_call(c, "reload", NULL, &report))
		return CMD_FAILED;
	return cmd_show(c, report, report_text);
}

const struct cmd_object cmd_reload = {
	.name = "reload",
	.help = "apply the configuration file as it is now",
	.more = "A file with an error changes nothing. Services added with "
		"'service add' stay\nunless the file names the same address; "
		"runtime changes to services in\nthe file are undone.\n",
	.verb = {
		{ .name = "",
		  .help = "re-read the configuration file",
		  .run = reload_run },
	},
};
