/* SPDX-License-Identifier: GPL-2.0-only */
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "cmd.h"
#include "call/paths.h"
#include "out/print.h"
#include "text/words.h"

static const struct cmd_object cmd_object_help;

static const struct cmd_object *const objects[] = {
	&cmd_status, &cmd_service, &cmd_session, &cmd_key,	   &cmd_cluster,
	&cmd_stats,  &cmd_metrics, &cmd_explain, &cmd_top,	   &cmd_capture,
	&cmd_check,  &cmd_reload,  &cmd_down,	 &cmd_object_help,
};
enum { N_OBJECTS = sizeof(objects) / sizeof(objects[0]) };

static void complain(const struct cmd *c, const char *todo, const char *fmt,
		     va_list ap)
{
	fprintf(c->err, "synkeeper: %s: ", c->object);
	vfprintf(c->err, fmt, ap);
	if (todo && *todo)
		fprintf(c->err, ": %s", todo);
	fputc('\n', c->err);
}

int cmd_failed(const struct cmd *c, const char *todo, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	complain(c, todo, fmt, ap);
	va_end(ap);
	return CMD_FAILED;
}

int cmd_usage(const struct cmd *c, const char *todo, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	complain(c, todo, fmt, ap);
	va_end(ap);
	return CMD_USAGE;
}

void cmd_note(const struct cmd *c, const char *todo, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	complain(c, todo, fmt, ap);
	va_end(ap);
}

/* ---- words ---- */

int cmd_match(const char *const *names, size_t n, const char *word)
{
	size_t len = strlen(word), i;
	int found = -ENOENT;

	if (!len)
		return -ENOENT;
	for (i = 0; i < n; i++) {
		if (!strcmp(names[i], word))
			return (int)i;
		if (!strncmp(names[i], word, len))
			found = found == -ENOENT ? (int)i : -ENOTUNIQ;
	}
	return found;
}

/* Like cmd_match(); on failure prints what @word could have been. */
static int pick(const struct cmd *c, const char *what, const char *const *names,
		size_t n, const char *word)
{
	int found = cmd_match(names, n, word);
	char list[256] = "", near[WORDS_NEAR_MAX];
	const char *sep = "";
	size_t i, o = 0;

	if (found >= 0)
		return found;
	if (found == -ENOENT && *words_near(word, names, n, near)) {
		cmd_usage(c, near, "unknown %s \"%s\"", what, word);
		return found;
	}
	for (i = 0; i < n; i++) {
		if (found == -ENOTUNIQ &&
		    strncmp(names[i], word, strlen(word)) != 0)
			continue;
		o += snprintf(list + o, sizeof(list) - o, "%s%s", sep,
			      names[i]);
		sep = ", ";
	}
	if (found == -ENOTUNIQ)
		cmd_usage(c, NULL, "%s \"%s\" is ambiguous: %s", what, word,
			  list);
	else
		cmd_usage(c, NULL, "unknown %s \"%s\": expected one of %s",
			  what, word, list);
	return found;
}

/* ---- operands and options ---- */

static size_t n_verbs(const struct cmd_object *o)
{
	size_t n = 0;

	while (n < CMD_VERBS_MAX && o->verb[n].run)
		n++;
	return n;
}

static bool value_is_optional(const struct cmd_option *o)
{
	return o->value[0] == '[';
}

/* "[FILTER...]": takes all remaining words. */
static bool repeats(const char *operand)
{
	return strstr(operand, "...") != NULL;
}

enum { SYNOPSIS_MAX = 128, HELP_COLUMN = 42 };

/* " [--name N]", " -w FILE" */
static size_t put_option(char *buf, size_t size, const struct cmd_option *o)
{
	return snprintf(buf, size, " %s%s%s%s%s", o->required ? "" : "[",
			o->name, o->value ? " " : "", o->value ? o->value : "",
			o->required ? "" : "]");
}

/* "service add A:P [--name N]" */
static const char *synopsis(const struct cmd_object *o,
			    const struct cmd_verb *v, char *buf, size_t size)
{
	size_t n = snprintf(buf, size, "%s", o->name), i;

	if (*v->name)
		n += snprintf(buf + n, size - n, " %s", v->name);
	for (i = 0; i < CMD_OPERANDS_MAX && v->operand[i]; i++)
		n += snprintf(buf + n, size - n, " %s", v->operand[i]);
	for (i = 0; i < CMD_OPTIONS_MAX && v->option[i].name; i++)
		n += put_option(buf + n, size - n, &v->option[i]);
	return buf;
}

/* A long synopsis gets a line of its own. */
static void object_help(FILE *out, const struct cmd_object *o)
{
	char buf[SYNOPSIS_MAX];
	size_t i;

	for (i = 0; i < n_verbs(o); i++) {
		synopsis(o, &o->verb[i], buf, sizeof(buf));
		fprintf(out, "  %-*s", HELP_COLUMN, buf);
		if (strlen(buf) > HELP_COLUMN)
			fprintf(out, "\n  %*s", HELP_COLUMN, "");
		fprintf(out, "  %s\n", o->verb[i].help);
	}
}

void cmd_help(FILE *out)
{
	size_t i;

	fputs("usage: synkeeper [OPTIONS] OBJECT [VERB] [ARGUMENTS]\n\n", out);
	for (i = 0; i < N_OBJECTS; i++)
		object_help(out, objects[i]);
	fputs("\n"
	      "  -j              print JSON instead of text\n"
	      "  -c FILE         the daemon's configuration file, to find the "
	      "paths below;\n"
	      "                  default: $" CONFIG_VARIABLE
	      ", else " CONFIG_PATH_DEFAULT "\n"
	      "  --control PATH  the daemon's control socket\n"
	      "  --pin-dir DIR   where maps and programs are pinned\n"
	      "  -V, -h          version, this help; -h after an object: its "
	      "verbs\n"
	      "\n"
	      "A:P is 192.0.2.1:443, [2001:db8::1]:443 or *:443. Objects and "
	      "verbs may be\n"
	      "abbreviated as long as they are unique; the default object is "
	      "status.\n"
	      "FILTER: see session -h. Exit status: 0 success, 1 failure, 2 "
	      "usage error.\n",
	      out);
}

static int usage_of(const struct cmd *c, const struct cmd_object *o,
		    const struct cmd_verb *v, const char *what,
		    const char *which)
{
	char buf[SYNOPSIS_MAX], todo[SYNOPSIS_MAX + 32];

	snprintf(todo, sizeof(todo), "usage: synkeeper %s",
		 synopsis(o, v, buf, sizeof(buf)));
	return cmd_usage(c, todo, "%s%s", what, which);
}

/*
 * Takes the option at argv[*i], "--name N" or "--name=N", and moves *@i past
 * its value. An optional value must begin with a digit.
 */
static int take_option(const struct cmd *c, const struct cmd_object *o,
		       const struct cmd_verb *v, int argc, char **argv, int *i,
		       struct cmd_args *ret)
{
	const char *word = argv[*i], *eq = strchr(word, '=');
	size_t len = eq ? (size_t)(eq - word) : strlen(word), k;

	for (k = 0; k < CMD_OPTIONS_MAX && v->option[k].name; k++)
		if (strlen(v->option[k].name) == len &&
		    !strncmp(v->option[k].name, word, len))
			break;
	if (k == CMD_OPTIONS_MAX || !v->option[k].name)
		return usage_of(c, o, v, "unknown option ", word);
	if (ret->option[k])
		return usage_of(c, o, v, "repeated option ", v->option[k].name);

	ret->option[k] = "";
	if (!v->option[k].value && eq)
		return usage_of(c, o, v, "unexpected value for ",
				v->option[k].name);
	if (!v->option[k].value)
		return 0;
	if (eq)
		ret->option[k] = eq + 1;
	else if (value_is_optional(&v->option[k]) &&
		 (*i + 1 == argc || argv[*i + 1][0] < '0' ||
		  argv[*i + 1][0] > '9'))
		return 0;
	else if (*i + 1 < argc)
		ret->option[k] = argv[++*i];
	if (!*ret->option[k])
		return usage_of(c, o, v, "missing value for ",
				v->option[k].name);
	return 0;
}

/* The operand that the @n-th word stands for, NULL if there are too many. */
static const char *operand_at(const struct cmd_verb *v, size_t n)
{
	size_t i;

	for (i = 0; i < CMD_OPERANDS_MAX && v->operand[i]; i++)
		if (i == n || repeats(v->operand[i]))
			return v->operand[i];
	return NULL;
}

static int parse_args(struct cmd *c, const struct cmd_object *o,
		      const struct cmd_verb *v, int argc, char **argv,
		      struct cmd_args *ret)
{
	struct cmd_args args = {};
	const char *missing;
	int i, err;

	for (i = 0; i < argc; i++) {
		const char *word = argv[i];

		if (!strcmp(word, "-j") || !strcmp(word, "--json")) {
			c->json = true;
		} else if (word[0] == '-' && word[1]) {
			err = take_option(c, o, v, argc, argv, &i, &args);
			if (err)
				return err;
		} else if (args.n_operands == CMD_WORDS_MAX ||
			   !operand_at(v, args.n_operands)) {
			return usage_of(c, o, v, "unexpected argument ", word);
		} else {
			args.operand[args.n_operands++] = word;
		}
	}
	missing = operand_at(v, args.n_operands);
	if (missing && *missing != '[')
		return usage_of(c, o, v, "missing ", missing);
	for (i = 0; i < CMD_OPTIONS_MAX; i++)
		if (v->option[i].required && !args.option[i])
			return usage_of(c, o, v, "missing ", v->option[i].name);
	*ret = args;
	return 0;
}

/* ---- dispatch ---- */

static const struct cmd_object *pick_object(const struct cmd *c,
					    const char *word)
{
	const char *names[N_OBJECTS];
	size_t i;
	int found;

	for (i = 0; i < N_OBJECTS; i++)
		names[i] = objects[i]->name;
	found = pick(c, "object", names, N_OBJECTS, word);
	return found < 0 ? NULL : objects[found];
}

static const struct cmd_verb *
pick_verb(const struct cmd *c, const struct cmd_object *o, const char *word)
{
	const char *names[CMD_VERBS_MAX];
	size_t n = n_verbs(o), i;
	int found;

	for (i = 0; i < n; i++)
		names[i] = o->verb[i].name;
	found = pick(c, "verb", names, n, word);
	return found < 0 ? NULL : &o->verb[found];
}

/* ---- help ---- */

static int help_on(const struct cmd *c, const struct cmd_object *o)
{
	fprintf(c->out, "%s: %s\n\n", o->name, o->help);
	object_help(c->out, o);
	if (o->more)
		fprintf(c->out, "\n%s", o->more);
	return CMD_DONE;
}

static int help_run(const struct cmd *c, const struct cmd_args *args)
{
	const struct cmd_object *o;

	if (c->json)
		return cmd_usage(c, "omit -j", "help has no JSON output");
	if (!args->n_operands) {
		cmd_help(c->out);
		return CMD_DONE;
	}
	o = pick_object(c, args->operand[0]);
	return o ? help_on(c, o) : CMD_USAGE;
}

static const struct cmd_object cmd_object_help = {
	.name = "help",
	.help = "objects and verbs",
	.verb = {
		{ .name = "",
		  .operand = { "[OBJECT]" },
		  .help = "list objects and verbs; same as -h",
		  .run = help_run },
	},
};

int cmd_run(const struct cmd *call, int argc, char **argv)
{
	const struct cmd_object *o = objects[0];
	struct cmd c = *call;
	const struct cmd_verb *v;
	struct cmd_args args;
	int i, err;

	c.object = argc ? argv[0] : o->name;
	if (argc) {
		o = pick_object(&c, argv[0]);
		if (!o)
			return CMD_USAGE;
		c.object = o->name;
		argc--;
		argv++;
	}
	for (i = 0; i < argc; i++)
		if (!strcmp(argv[i], "-h") || !strcmp(argv[i], "--help"))
			return help_on(&c, o);
	v = &o->verb[0];
	if (*v->name && argc && argv[0][0] != '-') {
		v = pick_verb(&c, o, argv[0]);
		if (!v)
			return CMD_USAGE;
		argc--;
		argv++;
	}
	err = parse_args(&c, o, v, argc, argv, &args);
	return err ? err : v->run(&c, &args);
}

int cmd_show(const struct cmd *c, json_t *result,
	     void (*text)(FILE *out, const json_t *result))
{
	if (c->json)
		print_json_line(c->out, result);
	else
		text(c->out, result);
	json_decref(result);
	return CMD_DONE;
}
