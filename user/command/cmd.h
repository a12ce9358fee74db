/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: what the command `synkeeper` consists of. An object
 * (cmd_OBJECT.c) is a table of verbs; a verb says what operands and options
 * it takes, so that cmd.c parses, refuses and explains them all alike, and
 * run() finds them checked for number. A run() returns an exit code and has
 * printed either its result to @out or one line to @err.
 */
#ifndef CMD_H
#define CMD_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

enum { CMD_DONE, CMD_FAILED, CMD_USAGE }; /* exit codes */
enum { CMD_VERBS_MAX = 5, CMD_OPERANDS_MAX = 2, CMD_OPTIONS_MAX = 5 };
enum { CMD_WORDS_MAX = 17 }; /* operands given: a filter, and one too many */

/* One invocation. */
struct cmd {
	const char *object; /* for messages; set by cmd_run() */
	const char *control;
	const char *pin_dir;
	bool json;
	FILE *out;
	FILE *err;
};

struct cmd_args {
	const char *operand[CMD_WORDS_MAX];
	size_t n_operands;
	/* in the verb's order; NULL: not given, "": given without its value */
	const char *option[CMD_OPTIONS_MAX];
};

struct cmd_option {
	const char *name;  /* "--limit" */
	const char *value; /* "N"; "[SECONDS]" may be left out; NULL: has none */
	bool required;
};

struct cmd_verb {
	const char *name; /* "": the object's only one, not typed */
	/* "A:P"; "[A:P]" may be left out, "[FILTER...]" takes the rest */
	const char *operand[CMD_OPERANDS_MAX];
	struct cmd_option option[CMD_OPTIONS_MAX];
	const char *help;
	int (*run)(const struct cmd *c, const struct cmd_args *args);
};

/* The first verb is the one meant when none is typed. */
struct cmd_object {
	const char *name;
	const char *help;
	const char *more; /* lines below the verbs' help, or NULL */
	struct cmd_verb verb[CMD_VERBS_MAX];
};

extern const struct cmd_object cmd_status, cmd_service, cmd_session, cmd_key,
	cmd_stats, cmd_metrics, cmd_explain, cmd_top, cmd_capture, cmd_check,
	cmd_reload, cmd_down;

/* Runs the words after the global options; none means status. */
int cmd_run(const struct cmd *c, int argc, char **argv);

/* The screen of `synkeeper -h`. */
void cmd_help(FILE *out);

/*
 * The index of the name that @word is or abbreviates, -ENOENT, or -ENOTUNIQ
 * if several names begin with it.
 */
int cmd_match(const char *const *names, size_t n, const char *word);

/*
 * One line, "synkeeper: OBJECT: what happened: what to do"; @todo NULL if
 * there is nothing to do. They return the exit code of their name;
 * cmd_note() is no failure.
 */
int cmd_failed(const struct cmd *c, const char *todo, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
int cmd_usage(const struct cmd *c, const char *todo, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void cmd_note(const struct cmd *c, const char *todo, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * Asks the daemon. @request is consumed; "cmd" is set in it. On failure
 * returns -errno, -EREMOTEIO when the daemon itself refused, and has said why.
 */
int cmd_call(const struct cmd *c, const char *name, json_t *request,
	     json_t **ret_result);

/* The same, silent about a daemon that is not there: -ENOENT, -ECONNREFUSED. */
int cmd_try_call(const struct cmd *c, const char *name, json_t *request,
		 json_t **ret_result);

struct client; /* client.h */

/* The same; what the daemon goes on sending is to be read from *@ret. */
int cmd_subscribe(const struct cmd *c, const char *name, json_t *request,
		  struct client **ret);

/*
 * The connection was closed, before @before if that is not "", and this says so: the
 * daemon has ended, if nobody answers there any more. Returns CMD_FAILED.
 */
int cmd_hung_up(const struct cmd *c, const char *before);

/* Is @err of cmd_try_call() "no daemon is running"? */
bool cmd_no_daemon(int err);

/* Prints @result, which it consumes, as JSON or by @text. Returns CMD_DONE. */
int cmd_show(const struct cmd *c, json_t *result,
	     void (*text)(FILE *out, const json_t *result));

#endif
