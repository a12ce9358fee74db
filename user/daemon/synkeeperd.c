/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the daemon's command line. A file named with -c is read
 * first; flags add to it and override it. Both fill one struct config, and
 * daemon_run() does the rest. A reload repeats the same steps.
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "synkeeper/control.h"
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
	"      --metrics A:P       serve Prometheus' metrics by HTTP there\n"
	"      --check             validate flags and file, and exit\n"
	"  -v, --verbose           libbpf's messages, too\n"
	"  -V, --version\n"
	"  -h, --help\n";

struct flags {
	const char *file; /* -c; NULL: none */
	bool check;
	bool verbose;
};

enum {
	OPT_REPLACE = 256,
	OPT_EXIT,
	OPT_PIN,
	OPT_CONTROL,
	OPT_METRICS,
	OPT_CHECK
};

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
	{ "metrics", required_argument, NULL, OPT_METRICS },
	{ "check", no_argument, NULL, OPT_CHECK },
	{ "verbose", no_argument, NULL, 'v' },
	{ "version", no_argument, NULL, 'V' },
	{ "help", no_argument, NULL, 'h' },
	{},
};

static const char *flag_name(int opt)
{
	const struct option *o = options;

	while (o->name && o->val != opt)
		o++;
	return o->name;
}

static int set_exit(struct config *c, const char *value, char *err)
{
	if (strcmp(value, "keep") && strcmp(value, "detach")) {
		snprintf(err, CONFIG_ERR_MAX, "'%s': keep or detach", value);
		return -EINVAL;
	}
	c->on_exit = strcmp(value, "keep") ? EXIT_DETACH : EXIT_KEEP;
	return 0;
}

static int set_path(char **member, const char *value, size_t max, char *err)
{
	const char *why = config_check_path(value, max);

	if (why) {
		snprintf(err, CONFIG_ERR_MAX, "'%s': %s", value, why);
		return -EINVAL;
	}
	return config_set_string(member, value);
}

static int set_flag(struct config *c, struct flags *f, int opt, char *err)
{
	switch (opt) {
	case 'i':
		return config_add_iface(c, optarg, err);
	case 's':
		return config_add_service(c, "", optarg, POLICY_ON, err);
	case 'm':
		return config_set_mode(c, optarg, err);
	case OPT_REPLACE:
		c->replace = true;
		return 0;
	case OPT_EXIT:
		return set_exit(c, optarg, err);
	case OPT_PIN:
		return set_path(&c->pin_dir, optarg, PATH_MAX / 2, err);
	case OPT_CONTROL:
		return set_path(&c->control, optarg,
				sizeof(((struct sockaddr_un *)0)->sun_path),
				err);
	case OPT_METRICS:
		return config_set_metrics(c, optarg, err);
	case OPT_CHECK:
		f->check = true;
		return 0;
	case 'v':
		f->verbose = true;
		return 0;
	}
	return 0; /* -c was read first */
}

/* Says what is wrong with @arg and where to look. Returns -EINVAL. */
static int flag_error(char *err, const char *arg, const char *what)
{
	snprintf(err, CONFIG_ERR_MAX, "%s%s", arg, what);
	return -EINVAL;
}

/*
 * Reads the file, if one is named; flags then add to it and override it.
 * Returns 1 if nothing is left to do (help, version), 0, or -errno and @err.
 */
static int parse_file(int argc, char **argv, struct config *c, struct flags *f,
		      char *err)
{
	int opt;

	optind = 0; /* restarts getopt(3) */
	while ((opt = getopt_long(argc, argv, short_options, options, NULL)) !=
	       -1) {
		switch (opt) {
		case 'V':
			puts("synkeeperd " SYNKEEPER_VERSION);
			return 1;
		case 'h':
			fputs(usage_text, stdout);
			return 1;
		case ':':
			return flag_error(err, argv[optind - 1],
					  " needs a value: synkeeperd --help");
		case '?':
			return flag_error(err, argv[optind - 1],
					  " is no option: synkeeperd --help");
		case 'c':
			if (f->file)
				return flag_error(err, "--config",
						  " is given twice: only one "
						  "file is read");
			f->file = optarg;
		}
	}
	if (optind < argc)
		return flag_error(
			err, argv[optind],
			": unexpected: interfaces take -i, services -s");
	return f->file ? config_load(c, f->file, err) : 0;
}

/* Likewise, for all flags. */
static int parse_flags(int argc, char **argv, struct config *c, struct flags *f,
		       char *err)
{
	char why[CONFIG_ERR_MAX] = "", name[32];
	int opt, ret;

	ret = parse_file(argc, argv, c, f, err);
	if (ret)
		return ret;
	optind = 1;
	while ((opt = getopt_long(argc, argv, short_options, options, NULL)) !=
	       -1) {
		ret = set_flag(c, f, opt, why);
		if (ret) {
			snprintf(name, sizeof(name), "--%s ", flag_name(opt));
			return flag_error(err, name,
					  why[0] ? why : strerror(-ret));
		}
	}
	ret = config_validate(c, err);
	if (!ret)
		config_warn(c);
	return ret;
}

static struct {
	int argc;
	char **argv;
} command_line;

/* For reload_config(): the command line still applies, the file may differ */
static int configure(struct config *ret, char *err)
{
	struct flags flags = {};
	struct config c;
	int ret_err;

	config_init(&c);
	ret_err = parse_flags(command_line.argc, command_line.argv, &c, &flags,
			      err);
	if (!ret_err && !flags.file) {
		snprintf(err, CONFIG_ERR_MAX,
			 "started without a configuration file: start it with "
			 "-c to be able to reload");
		ret_err = -ENOENT;
	}
	if (ret_err)
		config_free(&c);
	else
		*ret = c;
	return ret_err;
}

/* Not an error: synkeeperd waits for them. */
static void tell_missing(const struct config *c)
{
	size_t i;

	for (i = 0; i < c->n_ifaces; i++)
		if (!if_nametoindex(c->ifaces[i]) && errno == ENODEV)
			fprintf(stderr,
				"synkeeperd: %s: no such interface yet: would "
				"wait for it\n",
				c->ifaces[i]);
}

int main(int argc, char **argv)
{
	struct daemon_options o = { .configure = configure };
	char why[CONFIG_ERR_MAX] = "";
	struct flags flags = {};
	int err;

	command_line.argc = argc;
	command_line.argv = argv;
	config_init(&o.config);
	err = parse_flags(argc, argv, &o.config, &flags, why);
	if (!err)
		err = sources_read(&o.config, &o.sources, why);
	if (err < 0)
		fprintf(stderr, "synkeeperd: %s\n", why);
	if (!err && flags.check)
		tell_missing(&o.config);
	if (err || flags.check) {
		sources_free(&o.sources);
		config_free(&o.config);
		return err < 0 ? 2 : 0;
	}
	log_init(flags.verbose);
	if (geteuid()) {
		log_err("must run as root: it loads BPF programs and attaches "
			"to interfaces");
		sources_free(&o.sources);
		config_free(&o.config);
		return 1;
	}
	return daemon_run(&o) ? 1 : 0;
}
