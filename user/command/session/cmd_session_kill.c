/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: `synkeeper session kill`. The filter is parsed here
 * first, so that mistakes are rejected before anything is sent; one that
 * matches every session requires --all. The daemon works through the table in
 * parts, so that it can do other work in between; the parts are added up here.
 */
#include <unistd.h>

#include "cmd_session.h"
#include "out/print.h"

enum { OPT_ALL, OPT_DRY_RUN };

static json_int_t number(const json_t *o, const char *member)
{
	return json_integer_value(json_object_get(o, member));
}

static const char *count_text(json_int_t n, char *buf)
{
	json_t *value = json_integer(n);

	print_count(value, buf);
	json_decref(value);
	return buf;
}

static const char *sessions_text(json_int_t n)
{
	return n == 1 ? "session" : "sessions";
}

static void kill_text(FILE *out, const json_t *sums)
{
	bool dry_run = json_is_true(json_object_get(sums, "dry_run"));
	json_int_t pending = number(sums, "pending");
	json_int_t killed = dry_run ? number(sums, "matched") - pending
				    : number(sums, "killed");
	json_int_t rest = number(sums, "matched") - pending - killed;
	char cell[PRINT_CELL_MAX];

	fprintf(out, "%s %s %s\n", dry_run ? "would kill" : "killed",
		count_text(killed, cell), sessions_text(killed));
	if (pending)
		fprintf(out, "%s matched, but %s no socket yet\n",
			count_text(pending, cell),
			pending == 1 ? "has" : "have");
	if (rest > 0)
		fprintf(out, "%s matched, but ended before\n",
			count_text(rest, cell));
}

static void add(json_t *sums, const json_t *part, const char *member)
{
	json_object_set_new(
		sums, member,
		json_integer(number(sums, member) + number(part, member)));
}

static void put_progress(const struct cmd *c, const json_t *sums)
{
	char cell[PRINT_CELL_MAX];

	if (!isatty(fileno(c->err)))
		return;
	if (sums)
		fprintf(c->err, "\r%s matched so far",
			count_text(number(sums, "matched"), cell));
	else
		fputs("\r\033[K", c->err);
	fflush(c->err);
}

/* Adds up the replies in @sums, one part of the table after the other. */
static int kill_parts(const struct cmd *c, json_t *words, bool dry_run,
		      json_t *sums)
{
	json_t *cursor = NULL, *request, *part = NULL;
	bool stuck = false;
	int err;

	do {
		request = json_pack("{s:O, s:b, s:O*}", "filter", words,
				    "dry_run", dry_run, "cursor", cursor);
		if (!request) /* never send it without the filter */
			err = cmd_failed(c, NULL, "out of memory");
		else
			err = cmd_call(c, "session.kill", request, &part);
		if (err)
			break;
		add(sums, part, "matched");
		add(sums, part, "killed");
		add(sums, part, "pending");
		put_progress(c, sums);
		stuck = cursor &&
			json_equal(cursor, json_object_get(part, "cursor"));
		json_decref(cursor);
		cursor = json_incref(json_object_get(part, "cursor"));
		json_decref(part);
	} while (cursor && !stuck);
	json_decref(cursor);
	put_progress(c, NULL);
	if (stuck)
		cmd_failed(c, NULL,
			   "no progress: the daemon returned the same cursor "
			   "twice");
	return err || stuck ? CMD_FAILED : CMD_DONE;
}

int session_kill(const struct cmd *c, const struct cmd_args *args)
{
	bool all = args->option[OPT_ALL], dry_run = args->option[OPT_DRY_RUN];
	char cell[PRINT_CELL_MAX];
	struct filter f;
	json_t *words, *sums;
	int err;

	if (all && args->n_operands)
		return cmd_usage(c, "give one or the other",
				 "a filter and --all exclude each other");
	if (!all && !args->n_operands)
		return cmd_usage(c,
				 "give one, such as src 192.0.2.0/24, or --all",
				 "no filter");
	err = session_filter(c, args, &f);
	if (err)
		return err;
	if (!all && filter_is_any(&f))
		return cmd_usage(c, "use --all if that is intended",
				 "this filter matches every session");
	words = session_filter_words(args);
	sums = json_pack("{s:i, s:i, s:i, s:b}", "matched", 0, "killed", 0,
			 "pending", 0, "dry_run", dry_run);
	err = kill_parts(c, words, dry_run, sums);
	json_decref(words);
	if (!err && number(sums, "matched"))
		return cmd_show(c, sums, kill_text);
	if (!err)
		cmd_note(c, "synkeeper session list shows all",
			 "no session matches");
	else if (number(sums, "killed"))
		cmd_note(c, "the rest was not processed", "killed %s %s",
			 count_text(number(sums, "killed"), cell),
			 sessions_text(number(sums, "killed")));
	if (c->json && (!err || number(sums, "killed")))
		print_json_line(c->out, sums);
	json_decref(sums);
	return CMD_FAILED;
}
