/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: `synkeeper`, the operator's command. The options that
 * hold for every object are read here; cmd.c takes the rest.
 */
#include <errno.h>
#include <getopt.h>
#include <string.h>

#include "cmd.h"
#include "control.h"

enum { OPT_CONTROL = 256, OPT_PIN_DIR }; /* no letters */

static int finish(FILE *out, int code)
{
	if (!fflush(out) && !ferror(out))
		return code;
	fprintf(stderr, "synkeeper: cannot write the output: %s\n",
		strerror(errno));
	return CMD_FAILED;
}

/* getopt(3) names a bad letter in optopt, a bad word as argv's last taken. */
static void refuse_option(int opt, const char *word)
{
	char letter[3] = { '-', (char)optopt, '\0' };

	fprintf(stderr, "synkeeper: %s %s: synkeeper -h shows the options\n",
		opt == ':' ? "no value after" : "unknown option",
		optopt && optopt < OPT_CONTROL ? letter : word);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "control", required_argument, NULL, OPT_CONTROL },
		{ "pin-dir", required_argument, NULL, OPT_PIN_DIR },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{},
	};
	struct cmd c = {
		.control = CONTROL_PATH_DEFAULT,
		.pin_dir = PIN_DIR_DEFAULT,
		.out = stdout,
		.err = stderr,
	};
	int opt;

	/* "+": what follows the object is the object's; ":": no own messages */
	while ((opt = getopt_long(argc, argv, "+:jVh", options, NULL)) != -1) {
		switch (opt) {
		case 'j':
			c.json = true;
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
	return finish(stdout, cmd_run(&c, argc - optind, argv + optind));
}
