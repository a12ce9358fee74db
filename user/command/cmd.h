/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the frame of the command `synkeeper`. An object
 * (cmd_OBJECT.c) is a table of verbs. A verb declares its operands and options,
 * so that cmd.c parses, rejects and documents all of them in the same way, and
 * run() gets the right number of each. run() returns an exit status, after
 * printing either its result to @out or one line to @err.
 */
#ifndef CMD_H
#define CMD_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

enum { CMD_DONE, CMD_FAILED, CMD_USAGE }; /* exit status */
enum { CMD_VERBS_MAX = 6, CMD_OPERANDS_MAX = 2, CMD_OPTIONS_MAX = 5 };
enum { CMD_WORDS_MAX = 17 }; /* operands given: a filter and one more */

/* One invocation. */
struct cmd {
	const char *object; /* for messages; set by cmd_run() */
	const char *control;
	const char *pin_dir;
	const char *secret; /* file of [keys] secret, or NULL */
	bool json;
	FILE *out;
	FILE *err;
};

struct cmd_args {
	const char *operand[CMD_WORDS_MAX];
	size_t n_operands;
	/* in the order of the verb's; NULL: not given, "": without a value */
	const char *option[CMD_OPTIONS_MAX];
};

struct cmd_option {
	const char *name;  /* "--limit" */
	const char *value; /* "N"; "[SECONDS]" is optional; NULL: none */
	bool required;
};

struct cmd_verb {
	const char *name; /* "": the object's only verb, not typed */
	/* "A:P"; "[A:P]" is optional, "[FILTER...]" takes the rest */
	const char *operand[CMD_OPERANDS_MAX];
	struct cmd_option option[CMD_OPTIONS_MAX];
	const char *help;
	int (*run)(const struct cmd *c, const struct cmd_args *args);
};

/* The first verb is the default. */
struct cmd_object {
	const char *name;
	const char *help;
	const char *more; /* text below the verbs' help, or NULL */
	struct cmd_verb verb[CMD_VERBS_MAX];
};

extern const struct cmd_object cmd_status, cmd_service, cmd_session, cmd_key,
	cmd_cluster, cmd_stats, cmd_metrics, cmd_explain, cmd_top, cmd_capture,
	cmd_check, cmd_reload, cmd_down;

/* Runs the words after the global options; none means status. */
int cmd_run(const struct cmd *c, int argc, char **argv);

/* Prints what `synkeeper -h` shows. */
void cmd_help(FILE *out);

/*
 * Returns the index of the name that @word equals or abbreviates, -ENOENT, or
 * -ENOTUNIQ if it abbreviates several.
 */
int cmd_match(const char *const *names, size_t n, const char *word);

/*
 * Print one line, "synkeeper: OBJECT: what happened: what to do"; @todo is NULL
 * if there is nothing to do. The first two return the exit status that they are
 * named after; cmd_note() reports no failure.
 */
int cmd_failed(const struct cmd *c, const char *todo, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
int cmd_usage(const struct cmd *c, const char *todo, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void cmd_note(const struct cmd *c, const char *todo, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * Sends a request to the daemon. Consumes @request, in which it sets "cmd";
 * *@ret_result is the caller's. On failure prints why and returns -errno,
 * -EREMOTEIO if the daemon refused the request.
 */
int cmd_call(const struct cmd *c, const char *name, json_t *request,
	     json_t **ret_result);

/* The same, but prints nothing if no daemon runs: -ENOENT, -ECONNREFUSED. */
int cmd_try_call(const struct cmd *c, const char *name, json_t *request,
		 json_t **ret_result);

struct client; /* client.h */

/* The same; *@ret, the caller's, reads what the daemon sends after that. */
int cmd_subscribe(const struct cmd *c, const char *name, json_t *request,
		  struct client **ret);

/*
 * Reports that the connection was closed, and whether the daemon has exited.
 * @before: " before ...", or "". Returns CMD_FAILED.
 */
int cmd_hung_up(const struct cmd *c, const char *before);

/* Does @err of cmd_try_call() mean that no daemon is running? */
bool cmd_no_daemon(int err);

/* Consumes @result; prints it as JSON or by @text(). Returns CMD_DONE. */
int cmd_show(const struct cmd *c, json_t *result,
	     void (*text)(FILE *out, const json_t *result));

#endif
