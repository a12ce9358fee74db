/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: `synkeeper explain`: what a reason that `synkeeper
 * stats` counts means, and what to do. It needs no daemon.
 *
 *	EXPLAINED	{"reason" "action" "hooks": ["xdp" "tc ingress"
 *			"tc egress"] "packets": ["SYN" "ACK" "RST" "odd"]
 *			"text" "meaning" "harmless_causes": [...] "remedy"}
 */
#include <string.h>

#include "cmd.h"
#include "explain.h"
#include "out/print.h"
#include "text/reason.h"

/* Those of @names whose bits are in @set. */
static json_t *names_of(unsigned int set, const char *const *names)
{
	json_t *list = json_array();

	for (; *names; names++, set >>= 1)
		if (set & 1)
			json_array_append_new(list, json_string(*names));
	return list;
}

static json_t *explained(const struct reason_info *r)
{
	static const char *const hooks[] = { "xdp", "tc ingress", "tc egress",
					     NULL };
	static const char *const packets[] = { "SYN", "ACK", "RST", "odd",
					       NULL };
	const struct explanation *e = explain(r->number);
	json_t *causes = json_array();
	size_t i;

	for (i = 0; i < EXPLAIN_CAUSES_MAX && e->harmless_causes[i]; i++)
		json_array_append_new(causes,
				      json_string(e->harmless_causes[i]));
	return json_pack("{s:s, s:s, s:o, s:o, s:s, s:s, s:o, s:s}", "reason",
			 r->name, "action", reason_action_name(r->action),
			 "hooks", names_of(r->hooks, hooks), "packets",
			 names_of(r->packets, packets), "text", r->text,
			 "meaning", e->meaning, "harmless_causes", causes,
			 "remedy", e->remedy);
}

static const struct column columns[] = {
	{ "REASON", "reason", CELL_STRING },
	{ "VERDICT", "action", CELL_STRING },
	{ "MEANING", "text", CELL_STRING },
};

static void all_text(FILE *out, const json_t *all)
{
	print_table(out, all, columns, sizeof(columns) / sizeof(columns[0]));
}

static int explain_all(const struct cmd *c)
{
	json_t *all = json_array();
	const struct reason_info *r;
	size_t i;

	for (i = 0; (r = reason_at(i)); i++)
		json_array_append_new(all, explained(r));
	return cmd_show(c, all, all_text);
}

/* @text below @title, its lines broken between words and led by @lead. */
static void put_paragraph(FILE *out, const char *title, const char *lead,
			  const char *text)
{
	enum { WIDTH = 78 };
	size_t column = 0, len;

	if (title)
		fprintf(out, "\n%s\n", title);
	for (; *text; text += len, text += strspn(text, " ")) {
		len = strcspn(text, " ");
		if (column && column + 1 + len <= WIDTH) {
			column += fprintf(out, " %.*s", (int)len, text);
			continue;
		}
		column = fprintf(out, "%s%s%.*s", column ? "\n" : "", lead,
				 (int)len, text);
		lead = "    ";
	}
	fputc('\n', out);
}

static const char *member(const json_t *one, const char *name)
{
	return json_string_value(json_object_get(one, name));
}

static void one_text(FILE *out, const json_t *one)
{
	json_t *cause;
	size_t i;

	fprintf(out, "%s (%s): %s\n", member(one, "reason"),
		member(one, "action"), member(one, "text"));
	put_paragraph(out, "What it means", "    ", member(one, "meaning"));
	json_array_foreach (json_object_get(one, "harmless_causes"), i, cause) {
		put_paragraph(out, i ? NULL : "Harmless causes", "  - ",
			      json_string_value(cause));
	}
	put_paragraph(out, "What to do", "    ", member(one, "remedy"));
}

/* Old names of reasons, which scripts may still use. */
static const struct {
	const char *was;
	const char *is;
} renamed[] = {
	{ "in_the_way", "stale_socket" },
	{ "early_data", "data_before_socket" },
	{ "rst_withheld", "rst_suppressed" },
};

static const struct reason_info *find(const char *name)
{
	const struct reason_info *r = reason_find(name);
	size_t i;

	for (i = 0; !r && i < sizeof(renamed) / sizeof(renamed[0]); i++)
		if (reason_is_called(renamed[i].was, name))
			r = reason_find(renamed[i].is);
	return r;
}

static int explain_run(const struct cmd *c, const struct cmd_args *args)
{
	char near[REASON_NEAR_MAX], todo[REASON_NEAR_MAX + 32];
	const struct reason_info *r;

	if (!args->n_operands)
		return explain_all(c);
	r = find(args->operand[0]);
	if (r)
		return cmd_show(c, explained(r), one_text);
	reason_near(args->operand[0], false, near);
	snprintf(todo, sizeof(todo), "did you mean %s?", near);
	return cmd_usage(c, *near ? todo : "synkeeper explain lists them",
			 "no reason \"%s\"", args->operand[0]);
}

const struct cmd_object cmd_explain = {
	.name = "explain",
	.help = "why a packet was passed, answered or dropped",
	.verb = {
		{ .name = "",
		  .operand = { "[REASON]" },
		  .help = "what it means, harmless causes, what to do",
		  .run = explain_run },
	},
};
