// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: command lines that nobody needs to be asked about, and
 * the line of complaint and the exit code that they must lead to.
 */
#include "runcmd.h"

#include <errno.h>

static void prefixes(void **state)
{
	static const char *const names[] = { "status", "service", "stats",
					     "stat2",  "key",	  "keys" };
	static const struct {
		const char *word;
		int index;
	} table[] = {
		{ "status", 0 },       { "statu", 0 },
		{ "se", 1 },	       { "service", 1 },
		{ "stats", 2 },	       { "stat2", 3 },
		{ "stat", -ENOTUNIQ }, { "s", -ENOTUNIQ },
		{ "k", -ENOTUNIQ },    { "key", 4 }, /* exact wins */
		{ "keys", 5 },	       { "services", -ENOENT },
		{ "x", -ENOENT },      { "", -ENOENT },
		{ "STATUS", -ENOENT },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		int found = cmd_match(names, 6, table[i].word);

		if (found != table[i].index)
			fail_msg("\"%s\": expected %d, got %d", table[i].word,
				 table[i].index, found);
	}
}

#define STATS_USAGE \
	"usage: synkeeper stats [--service A:P] [--watch [SECONDS]]\n"
#define ADD_USAGE "usage: synkeeper service add A:P [--name N]\n"

/* All of these are refused before anybody is asked. */
static void usage_errors(void **state)
{
	static const struct {
		const char *line, *err;
	} table[] = {
		{ "foo", "foo: no object \"foo\": known are status, service, "
			 "session, key, stats, check, down\n" },
		{ "s", "s: object \"s\" is ambiguous: status, service, "
		       "session, stats\n" },
		{ "service foo", "service: no verb \"foo\": known are list, "
				 "add, del, policy\n" },
		{ "ser foo", "service: no verb \"foo\": known are list, "
			     "add, del, policy\n" },
		{ "service list x", "service: one word too many: x: "
				    "usage: synkeeper service list\n" },
		{ "service add", "service: missing A:P: " ADD_USAGE },
		{ "service add --name x", "service: missing A:P: " ADD_USAGE },
		{ "service add a b",
		  "service: one word too many: b: " ADD_USAGE },
		{ "service add a --name",
		  "service: no value after --name: " ADD_USAGE },
		{ "service add a --name=",
		  "service: no value after --name: " ADD_USAGE },
		{ "service add a --nam x",
		  "service: unknown option --nam: " ADD_USAGE },
		{ "service add a --name x --name y",
		  "service: given twice: --name: " ADD_USAGE },
		{ "service policy *:80",
		  "service: missing on|off: "
		  "usage: synkeeper service policy A:P on|off\n" },
		{ "stats now", "stats: one word too many: now: " STATS_USAGE },
		{ "stats --watch x",
		  "stats: one word too many: x: " STATS_USAGE },
		{ "stats --watch 0",
		  "stats: --watch 0: 0.1 to 86400 seconds\n" },
		{ "stats --watch 1x",
		  "stats: --watch 1x: 0.1 to 86400 seconds\n" },
		{ "stats --watch=nan",
		  "stats: --watch nan: 0.1 to 86400 seconds\n" },
		{ "session list --limit 0",
		  "session: --limit 0: a number of sessions, 1 or more\n" },
		{ "session list --limit -1",
		  "session: --limit -1: a number of sessions, 1 or more\n" },
		{ "session list --limit 1k",
		  "session: --limit 1k: a number of sessions, 1 or more\n" },
		{ "session list --limit 4294967296",
		  "session: --limit 4294967296: a number of sessions, "
		  "1 or more\n" },
		{ "check", "check: missing IFACE: "
			   "usage: synkeeper check IFACE\n" },
		{ "down eth0", "down: one word too many: eth0: "
			       "usage: synkeeper down\n" },
	};
	char err[512];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		snprintf(err, sizeof(err), "synkeeper: %s", table[i].err);
		expect_run(table[i].line, false, CMD_USAGE, "", err);
	}
}

static void help_of_an_object(void **state)
{
	struct run r = run("ser add -h", false);

	(void)state;
	assert_int_equal(r.code, CMD_DONE);
	assert_non_null(strstr(r.out, "service policy A:P on|off  "));
	assert_null(strstr(r.out, "key"));
	assert_string_equal(r.err, "");
	run_free(&r);
}

static const struct CMUnitTest tests[] = {
	CMD_TEST(prefixes),
	CMD_TEST(usage_errors),
	CMD_TEST(help_of_an_object),
};

TEST_MAIN(tests)
