/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: `synkeeper`, the operator's command. The global options
 * are parsed here, the rest of the command line in cmd.c.
 */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "synkeeper/control.h"
#include "call/paths.h"

enum { OPT_CONTROL = 256, OPT_PIN_DIR }; /* long options only */

static int finish(FILE *out, int code)
{
	if (!fflush(out) && !ferror(out))
		return code;
	fprintf(stderr, "synkeeper: cannot write output: %s\n",
		strerror(errno));
	return CMD_FAILED;
}

/*
 * getopt_long(3) leaves an invalid short option in optopt; an invalid long one
 * is the last word that it consumed.
 */
static void refuse_option(int opt, const char *word)
{
	char letter[3] = { '-', (char)optopt, '\0' };

	fprintf(stderr, "synkeeper: %s %s: see synkeeper -h\n",
		opt == ':' ? "missing value for" : "unknown option",
		optopt && optopt < OPT_CONTROL ? letter : word);
}

/*
 * Paths that no option gave are taken from the daemon's configuration file,
 * else from the defaults. A file that was given explicitly must be readable:
 * the defaults could belong to another instance.
 */
static int find_daemon(struct cmd *c, const char *file, struct paths *paths)
{
	const char *named = file ? file : getenv(CONFIG_VARIABLE);
	int err;

	if (named && !*named)
		named = NULL;
	err = paths_read(named ? named : CONFIG_PATH_DEFAULT, paths);
	if (err && named) {
		fprintf(stderr,
			"synkeeper: %s: %s: %s the daemon's configuration "
			"file\n",
			named, strerror(-err),
			file ? "-c takes" : CONFIG_VARIABLE " must name");
		return CMD_FAILED;
	}
	if (!c->control)
		c->control = paths->control ? paths->control
					    : CONTROL_PATH_DEFAULT;
	if (!c->pin_dir)
		c->pin_dir = paths->pin_dir ? paths->pin_dir : PIN_DIR_DEFAULT;
	c->secret = paths->secret;
	return CMD_DONE;
}

static int run(struct cmd *c, const char *file, int argc, char **argv)
{
	struct paths paths = {};
	int code = find_daemon(c, file, &paths);

	if (code == CMD_DONE)
		code = cmd_run(c, argc, argv);
	paths_free(&paths);
	return code;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "config", required_argument, NULL, 'c' },
		{ "control", required_argument, NULL, OPT_CONTROL },
		{ "pin-dir", required_argument, NULL, OPT_PIN_DIR },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{},
	};
	struct cmd c = { .out = stdout, .err = stderr };
	const char *file = NULL;
	int opt;

	/* "+": stop at the object; ":": getopt prints no messages */
	while ((opt = getopt_long(argc, argv, "+:jc:Vh", options, NULL)) !=
	       -1) {
		switch (opt) {
		case 'j':
			c.json = true;
			break;
		case 'c':
			file = optarg;
			break;
		case OPT_CONTROL:
			c.control = optarg;
			break;
		case OPT_PIN_DIR:
			c.pin_dir = optarg;
			break;
		case 'V':
			puts("synkeeper " SYNKEEPER_VERSION);
			return finish(stdout, CMD_DONE);
		case 'h':
			cmd_help(stdout);
			return finish(stdout, CMD_DONE);
		default:
			refuse_option(opt, argv[optind - 1]);
			return CMD_USAGE;
		}
	}
	return finish(stdout, run(&c, file, argc - optind, argv + optind));
}
