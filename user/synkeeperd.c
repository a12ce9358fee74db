/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the daemon's command line. A file named with -c is read
 * first, flags add to it and have the last word; both fill one struct config,
 * and daemon_run() does the rest.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "control.h"
#include "daemon.h"
#include "log.h"

static const char usage_text[] =
	"usage: synkeeperd -i IFACE... -s ADDRESS:PORT... [options]\n"
	"       synkeeperd -c FILE [options]\n"
	"\n"
	"  -i, --interface IFACE   protect what arrives there; repeatable\n"
	"  -s, --service A:P       192.0.2.1:443, [2001:db8::1]:443 or *:443; "
	"repeatable\n"
	"  -c, --config FILE       INI file, see synkeeper.conf(5)\n"
	"  -m, --mode MODE         auto (native, else skb), native or skb\n"
	"      --replace           replace another XDP program, too\n"
	"      --on-exit WHAT      keep (default) or detach\n"
	"      --pin-dir DIR       default " PIN_DIR_DEFAULT "\n"
	"      --control PATH      default " CONTROL_PATH_DEFAULT "\n"
	"      --check             validate flags and file, and exit\n"
	"  -v, --verbose           libbpf's messages, too\n"
	"  -V, --version\n"
	"  -h, --help\n";

struct flags {
	bool check;
	bool verbose;
};

static int usage_error(const char *err)
{
	fprintf(stderr, "synkeeperd: %s\n", err);
	return -EINVAL;
}

/*
 * Fills @c from the command line; the file first, so that flags add to it.
 * Returns 1 if all is said already (help, version), 0, or -errno.
 */
static int parse_flags(int argc, char **argv, struct config *c, struct flags *f)
{
	enum { OPT_REPLACE = 256, OPT_EXIT, OPT_PIN, OPT_CONTROL, OPT_CHECK };
	static const char short_options[] = ":i:s:c:m:vVh";
	static const struct option options[] = {
		{ "interface", required_argument, NULL, 'i' },
		{ "service", required_argument, NULL, 's' },
		{ "config", required_argument, NULL, 'c' },
		{ "mode", required_argument, NULL, 'm' },
		{ "replace", no_argument, NULL, OPT_REPLACE },
		{ "on-exit", required_argument, NULL, OPT_EXIT },
		{ "pin-dir", required_argument, NULL, OPT_PIN },
		{ "control", required_argument, NULL, OPT_CONTROL },
		{ "check", no_argument, NULL, OPT_CHECK },
		{ "verbose", no_argument, NULL, 'v' },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{},
	};
	char err[CONFIG_ERR_MAX] = "";
	int opt, ret;

	/* the file first: flags add to it and have the last word */
	while ((opt = getopt_long(argc, argv, short_options, options, NULL)) !=
	       -1) {
		if (opt == 'c' && (ret = config_load(c, optarg, err)))
			return usage_error(err), ret;
	}
	optind = 1;
	while ((opt = getopt_long(argc, argv, short_options, options, NULL)) !=
	       -1) {
		ret = 0;
		switch (opt) {
		case 'i':
			ret = config_add_iface(c, optarg, err);
			break;
		case 's':
			ret = config_add_service(c, "", optarg, POLICY_ON, err);
			break;
		case 'c':
			break;
		case 'm':
			ret = config_set_mode(c, optarg, err);
			break;
		case OPT_REPLACE:
			c->replace = true;
			break;
		case OPT_EXIT:
			if (!strcmp(optarg, "keep")) {
				c->on_exit = EXIT_KEEP;
			} else if (!strcmp(optarg, "detach")) {
				c->on_exit = EXIT_DETACH;
			} else {
				snprintf(err, sizeof(err),
					 "--on-exit '%s': keep or detach",
					 optarg);
				ret = -EINVAL;
			}
			break;
		case OPT_PIN:
			ret = config_set_string(&c->pin_dir, optarg);
			break;
		case OPT_CONTROL:
			ret = config_set_string(&c->control, optarg);
			break;
		case OPT_CHECK:
			f->check = true;
			break;
		case 'v':
			f->verbose = true;
			break;
		case 'V':
			puts("synkeeperd " SYNKEEPER_VERSION);
			return 1;
		case 'h':
			fputs(usage_text, stdout);
			return 1;
		case ':':
			snprintf(err, sizeof(err),
				 "%s needs a value: synkeeperd --help",
				 argv[optind - 1]);
			return usage_error(err);
		default:
			snprintf(err, sizeof(err),
				 "%s is no option: synkeeperd --help",
				 argv[optind - 1]);
			return usage_error(err);
		}
		if (ret)
			return usage_error(err[0] ? err : strerror(-ret));
	}
	if (optind < argc) {
		snprintf(err, sizeof(err),
			 "%s: unexpected: interfaces take -i, services -s",
			 argv[optind]);
		return usage_error(err);
	}
	if (config_validate(c, err))
		return usage_error(err);
	return 0;
}

int main(int argc, char **argv)
{
	struct daemon d = { .loader.lock_fd = -1 };
	struct flags flags = {};
	int err;

	config_init(&d.config);
	err = parse_flags(argc, argv, &d.config, &flags);
	if (err || flags.check) {
		config_free(&d.config);
		return err < 0 ? 2 : 0;
	}
	log_init(flags.verbose);
	if (geteuid()) {
		log_err("must run as root: it loads BPF programs and attaches "
			"to interfaces");
		config_free(&d.config);
		return 1;
	}
	err = daemon_run(&d);
	daemon_free(&d);
	config_free(&d.config);
	return err ? 1 : 0;
}
