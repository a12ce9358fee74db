// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: command lines that need no daemon, with the expected
 * error message and exit code.
 */
#include "runcmd.h"

#include <errno.h>

#include "config/config.h"

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
#define ADD_USAGE "usage: synkeeper service add A:P [--name N] [--save]\n"

#define LIST_USAGE                                                \
	"usage: synkeeper session list [FILTER...] [--sort KEY] " \
	"[--limit N] [--count]\n"
#define PREFIX_HINT                                                     \
	"give an address or prefix such as 192.0.2.1, 192.0.2.0/24 or " \
	"2001:db8::/32\n"

static const struct {
	const char *line, *err;
} usage_table[] = {
	{ "foo",
	  "foo: unknown object \"foo\": expected one of status, "
	  "service, "
	  "session, key, cluster, stats, metrics, explain, top, capture, "
	  "check, reload, down, help\n" },
	{ "s", "s: object \"s\" is ambiguous: status, service, "
	       "session, stats\n" },
	{ "service foo", "service: unknown verb \"foo\": expected one of list, "
			 "add, del, policy, save\n" },
	{ "ser foo", "service: unknown verb \"foo\": expected one of list, "
		     "add, del, policy, save\n" },
	{ "service list x", "service: unexpected argument x: "
			    "usage: synkeeper service list\n" },
	{ "service add", "service: missing A:P: " ADD_USAGE },
	{ "service add --name x", "service: missing A:P: " ADD_USAGE },
	{ "service add a b", "service: unexpected argument b: " ADD_USAGE },
	{ "service add a --name",
	  "service: missing value for --name: " ADD_USAGE },
	{ "service add a --name=",
	  "service: missing value for --name: " ADD_USAGE },
	{ "service add a --nam x",
	  "service: unknown option --nam: " ADD_USAGE },
	{ "service add a --name x --name y",
	  "service: repeated option --name: " ADD_USAGE },
	{ "service policy *:80",
	  "service: missing on|auto|monitor|off: usage: synkeeper "
	  "service policy A:P on|auto|monitor|off [--save]\n" },
	{ "stats now", "stats: unexpected argument now: " STATS_USAGE },
	{ "stats --watch x", "stats: unexpected argument x: " STATS_USAGE },
	{ "stats --watch 0",
	  "stats: --watch 0: must be 0.1 to 86400 seconds\n" },
	{ "stats --watch 1x",
	  "stats: --watch 1x: must be 0.1 to 86400 seconds\n" },
	{ "stats --watch=nan",
	  "stats: --watch nan: must be 0.1 to 86400 seconds\n" },
	{ "session list --limit 0",
	  "session: --limit 0: must be a number, 1 or more\n" },
	{ "session list --limit -1",
	  "session: --limit -1: must be a number, 1 or more\n" },
	{ "session list --limit 1k",
	  "session: --limit 1k: must be a number, 1 or more\n" },
	{ "session list --limit 4294967296",
	  "session: --limit 4294967296: must be a number, 1 or "
	  "more\n" },
	{ "session list --limit 100001 --sort age",
	  "session: --limit 100001: at most 100000 sessions can be "
	  "sorted\n" },
	{ "session list --sort size",
	  "session: --sort size: sort by one of age, idle, client, "
	  "server, state, service\n" },
	{ "session list --sort",
	  "session: missing value for --sort: " LIST_USAGE },
	{ "session list --count=1",
	  "session: unexpected value for --count: " LIST_USAGE },
	{ "session list --count --sort age",
	  "session: --count counts all matches: omit --sort and "
	  "--limit\n" },
	{ "session list --limit 1 --count",
	  "session: --count counts all matches: omit --sort and "
	  "--limit\n" },
	{ "session list src", "session: src has no value: " PREFIX_HINT },
	{ "session list --count src 192.0.2",
	  "session: src '192.0.2': " PREFIX_HINT },
	{ "session list foo 1",
	  "session: 'foo': filters are src, dst, sport, dport, state, "
	  "age, idle, service\n" },
	{ "session list src 192.0.2.1 dst 192.0.2.1 sport 1 dport 1 "
	  "state live age 1s idle 1s service a dst",
	  "session: dst is given twice\n" },
	{ "session list src 192.0.2.1 dst 192.0.2.1 sport 1 dport 1 "
	  "state live age 1s idle 1s service a dst b",
	  "session: unexpected argument b: " LIST_USAGE },
	{ "session watch state dead",
	  "session: state 'dead': states are opening, pending, "
	  "established, half-closed-client, half-closed-server, "
	  "half-closed, closing, live, time-wait\n" },
	{ "session totals *:80 *:81",
	  "session: unexpected argument *:81: usage: synkeeper session "
	  "totals [A:P]\n" },
	{ "session kill", "session: no filter: give one, such as src "
			  "192.0.2.0/24, or --all\n" },
	{ "session kill --dry-run",
	  "session: no filter: give one, such as src 192.0.2.0/24, or "
	  "--all\n" },
	{ "session kill --all dport 80",
	  "session: a filter and --all exclude each other: give one or "
	  "the other\n" },
	{ "session kill dport 80 --all",
	  "session: a filter and --all exclude each other: give one or "
	  "the other\n" },
	{ "session kill age 0s",
	  "session: this filter matches every session: use --all if "
	  "that is intended\n" },
	{ "session kill sport 0-65535 --dry-run",
	  "session: this filter matches every session: use --all if "
	  "that is intended\n" },
	{ "session kill 192.0.2.1",
	  "session: '192.0.2.1': filters are src, dst, sport, dport, "
	  "state, age, idle, service\n" },
	{ "session kill src 192.0.2.1/24",
	  "session: src '192.0.2.1/24': host bits are set: write "
	  "192.0.2.0/24\n" },
	{ "session kill --al",
	  "session: unknown option --al: usage: synkeeper session kill "
	  "[FILTER...] [--all] [--dry-run]\n" },
	{ "session show", "session: missing CLIENT: usage: synkeeper "
			  "session show CLIENT SERVER\n" },
	{ "session show 192.0.2.1:40000",
	  "session: missing SERVER: usage: synkeeper session show "
	  "CLIENT SERVER\n" },
	{ "session show 192.0.2.1:40000 *:80",
	  "session: '*:80' does not identify a single session: use "
	  "session list dport PORT\n" },
	{ "session show 192.0.2.1 192.0.2.2:80",
	  "session: '192.0.2.1': port missing: write it as "
	  "192.0.2.1:443, [2001:db8::1]:443 or *:443\n" },
	{ "session show 192.0.2.1:40000 [2001:db8::2]:80",
	  "session: 192.0.2.1:40000 and [2001:db8::2]:80 differ in "
	  "address family: give both as IPv4 or both as IPv6\n" },
	{ "check", "check: missing IFACE: "
		   "usage: synkeeper check IFACE\n" },
	{ "top --interval 0",
	  "top: --interval 0: must be 0.1 to 86400 seconds\n" },
	{ "top now", "top: unexpected argument now: usage: synkeeper "
		     "top [--interval SECONDS]\n" },
	{ "down eth0", "down: unexpected argument eth0: "
		       "usage: synkeeper down [--force]\n" },
};

/* All of these are refused without asking the daemon. */
static void usage_errors(void **state)
{
	char err[512];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(usage_table) / sizeof(usage_table[0]); i++) {
		snprintf(err, sizeof(err), "synkeeper: %s", usage_table[i].err);
		expect_run(usage_table[i].line, false, CMD_USAGE, "", err);
	}
}

/* Configuration keys got suggestions, the command's own words did not. */
static void slips_got_no_suggestion(void **state)
{
	static const struct {
		const char *line, *err;
	} table[] = {
		{ "stauts", "stauts: unknown object \"stauts\": did you mean "
			    "'status' or 'stats'?\n" },
		{ "servcie list",
		  "servcie: unknown object \"servcie\": did you "
		  "mean 'service'?\n" },
		{ "services",
		  "services: unknown object \"services\": did you mean "
		  "'service'?\n" },
		{ "service polcy *:80 on",
		  "service: unknown verb \"polcy\": did "
		  "you mean 'policy'?\n" },
		{ "session LITS",
		  "session: unknown verb \"LITS\": did you mean "
		  "'list'?\n" },
		{ "session list sorc 192.0.2.1",
		  "session: 'sorc': did you mean 'src'?\n" },
		{ "session list prot 80", "session: 'prot': did you mean "
					  "'sport' or 'dport'?\n" },
		{ "help stauts",
		  "help: unknown object \"stauts\": did you mean "
		  "'status' or 'stats'?\n" },
		{ "explain bad_cokie", "explain: no reason \"bad_cokie\": did "
				       "you mean bad_cookie?\n" },
	};
	char err[512];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		snprintf(err, sizeof(err), "synkeeper: %s", table[i].err);
		expect_run(table[i].line, false, CMD_USAGE, "", err);
	}
}

static void help_was_unknown(void **state)
{
	struct run all, one, asked;

	(void)state;
	all = run("help", false);
	one = run("help serv", false);
	asked = run("service -h", false);
	assert_int_equal(all.code, CMD_DONE);
	assert_string_equal(all.err, "");
	assert_non_null(strstr(all.out, "usage: synkeeper "));
	assert_int_equal(one.code, CMD_DONE);
	assert_string_equal(one.out, asked.out);
	run_free(&all);
	run_free(&one);
	run_free(&asked);
	expect_run("help", true, CMD_USAGE, "",
		   "synkeeper: help: help has no JSON output: omit -j\n");
}

/* Help and completion offered only on|off, without auto and monitor. */
static void policies_were_on_and_off_only(void **state)
{
	struct run r = run("help service", false);
	char words[32], *save, *word;
	enum config_policy policy;
	const char *why;
	size_t n = 0;

	(void)state;
	snprintf(words, sizeof(words), "%s", POLICY_WORDS);
	assert_non_null(strstr(r.out, "A:P on|auto|monitor|off ["));
	for (word = strtok_r(words, "|", &save); word;
	     word = strtok_r(NULL, "|", &save)) {
		assert_int_equal(config_parse_policy(word, &policy, &why), 0);
		assert_string_equal(config_policy_name(policy), word);
		n++;
	}
	assert_int_equal(n, 4);
	assert_int_not_equal(config_parse_policy("x", &policy, &why), 0);
	assert_string_equal(why, "must be one of: on auto monitor off");
	run_free(&r);
}

static void a_screen_is_not_json(void **state)
{
	(void)state;
	expect_run("top", true, CMD_USAGE, "",
		   "synkeeper: top: top has no JSON output: use -j status or "
		   "-j stats --watch\n");
}

static void help_of_an_object(void **state)
{
	struct run r = run("ser add -h", false);

	(void)state;
	assert_int_equal(r.code, CMD_DONE);
	assert_non_null(
		strstr(r.out, "service policy A:P on|auto|monitor|off ["));
	assert_null(strstr(r.out, "key"));
	assert_string_equal(r.err, "");
	run_free(&r);
}

static void session_help_explains_filters(void **state)
{
	static const char *const lines[] = {
		"  session list [FILTER...] [--sort KEY] [--limit N]",
		"  session show CLIENT SERVER  ",
		"  session kill [FILTER...] [--all] [--dry-run]\n   ",
		"  session watch [FILTER...]  ",
		"  session totals [A:P]  ",
		"\nFILTER consists ",
		"src PREFIX",
		"dport PORTS",
		"state STATE",
		"idle TIME",
		"service SERVICE",
	};
	struct run r = run("session list -h", false);
	size_t i;

	(void)state;
	assert_int_equal(r.code, CMD_DONE);
	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		if (!strstr(r.out, lines[i]))
			fail_msg("expected \"%s\" in \"%s\"", lines[i], r.out);
	assert_string_equal(r.err, "");
	run_free(&r);
}

/* Nothing is pinned, so there is no table. */
static void nothing_is_pinned(void **state)
{
	static const char *const lines[] = {
		"session list",
		"session list --count",
		"session list --sort age state live",
		"session show 192.0.2.1:40000 192.0.2.2:80",
	};
	char err[256];
	size_t i;

	(void)state;
	skip_without_bpf();
	snprintf(err, sizeof(err),
		 "synkeeper: session: nothing is pinned at %s/maps/settings: "
		 "is synkeeperd running, and with this --pin-dir?\n",
		 dir);
	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		expect_run(lines[i], i % 2, CMD_FAILED, "", err);
}

static const struct CMUnitTest tests[] = {
	CMD_TEST(prefixes),
	CMD_TEST(usage_errors),
	CMD_TEST(slips_got_no_suggestion),
	CMD_TEST(help_was_unknown),
	CMD_TEST(policies_were_on_and_off_only),
	CMD_TEST(a_screen_is_not_json),
	CMD_TEST(help_of_an_object),
	CMD_TEST(session_help_explains_filters),
	CMD_TEST(nothing_is_pinned),
};

TEST_MAIN(tests)
