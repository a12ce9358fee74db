/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: `synkeeper check IFACE`, to be asked before the attack:
 * would Synkeeper work there, how well, and what mends it. It needs no daemon.
 */
#include <stdarg.h>
#include <string.h>

#include "check.h"
#include "cmd.h"

static const char *const state_names[] = {
	[CHECK_OK] = "ok",
	[CHECK_WARN] = "warn",
	[CHECK_FAIL] = "fail",
};

void check_add(json_t *findings, const char *what, enum check_state state,
	       const char *mend, const char *found, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, found);
	vsnprintf(text, sizeof(text), found, ap);
	va_end(ap);
	json_array_append_new(findings,
			      json_pack("{s:s, s:s, s:s, s:s}", "what", what,
					"state", state_names[state], "found",
					text, "mend",
					state != CHECK_OK && mend ? mend : ""));
}

static const char *text_of(const json_t *finding, const char *member)
{
	return json_string_value(json_object_get(finding, member));
}

static bool has_failed(const json_t *finding)
{
	return !strcmp(text_of(finding, "state"), state_names[CHECK_FAIL]);
}

static void check_text(FILE *out, const json_t *result)
{
	json_t *finding;
	size_t i;

	json_array_foreach (json_object_get(result, "findings"), i, finding) {
		const char *mend = text_of(finding, "mend");

		fprintf(out, "%-4s  %-18s  %s\n",
			has_failed(finding) ? "FAIL"
					    : text_of(finding, "state"),
			text_of(finding, "what"), text_of(finding, "found"));
		if (*mend)
			fprintf(out, "      %-18s  -> %s\n", "", mend);
	}
	fprintf(out, "\n%s: %s\n", text_of(result, "interface"),
		json_is_true(json_object_get(result, "ready"))
			? "ready for synkeeperd"
			: "not ready: mend what FAILs first");
}

static int check_run(const struct cmd *c, const struct cmd_args *args)
{
	const char *name = args->operand[0];
	json_t *findings = json_array(), *finding, *result;
	bool ready = true;
	size_t i;

	check_host(findings, c->pin_dir);
	check_iface(findings, name);
	json_array_foreach (findings, i, finding) {
		ready = ready && !has_failed(finding);
	}
	result = json_pack("{s:s, s:b, s:o}", "interface", name, "ready", ready,
			   "findings", findings);
	if (!result)
		return cmd_usage(c, NULL, "not UTF-8: %s", name);
	cmd_show(c, result, check_text);
	return ready ? CMD_DONE : CMD_FAILED;
}

const struct cmd_object cmd_check = {
	.name = "check",
	.help = "would it work here, and what is missing",
	.verb = {
		{ .name = "",
		  .operand = { "IFACE" },
		  .help = "kernel, driver, sysctls, offloads (root)",
		  .run = check_run },
	},
};
