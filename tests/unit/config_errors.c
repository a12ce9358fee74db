// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: a table of files, each a string, with the exact error,
 * without the leading file name. Lines count from 1.
 */
#include "testmain.h"

#include <errno.h>

#include "loadconfig.h"
#include "synkeeper/limits.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void expect_error(const char *text, size_t len, int ret,
			 const char *expected)
{
	char err[CONFIG_ERR_MAX];
	struct config c;
	int came;

	config_init(&c);
	came = load(&c, text, len, err);
	config_free(&c);
	if (!came)
		fail_msg("taken, expected '%s':\n%s", expected, text);
	if (strcmp(err, expected) != 0)
		fail_msg("expected: %s\ncame:     %s\nfor:\n%s", expected, err,
			 text);
	if (came != ret)
		fail_msg("expected %s, came %s: %s", strerror(-ret),
			 strerror(-came), err);
}

#define SUFFIXES "write it as 60s, 5m or 2h4m"

static const struct {
	const char *text, *err;
} bad[] = {
	/* sections */
	{ "\n[deamon]\n", ":2: [deamon]: unknown section: did you mean "
			  "[daemon]?" },
	{ "[services web]\n", ":1: [services]: unknown section: did you mean "
			      "[service NAME]?" },
	{ "[Keys]\n", ":1: [Keys]: unknown section: did you mean [keys]?" },
	{ "[metrics]\n",
	  ":1: [metrics]: unknown section: there are [daemon], "
	  "[keys], [sessions], [service NAME], [gateway], [arming], [sources] "
	  "and [answer]" },
	{ "[]\n", ":1: []: section name missing" },
	{ "[ ]\n", ":1: []: section name missing" },
	{ "[service]\n", ":1: [service]: takes one name, as in [service web]" },
	{ "[service a b]\n",
	  ":1: [service]: takes one name, as in [service web]" },
	{ "[keys x]\n", ":1: [keys]: takes no name, but has 'x'" },
	{ "[keys]\n[daemon]\n[keys]\n",
	  ":3: [keys]: already given on line 1: merge the two" },
	{ "[service a]\nlisten=*:1\n\n[service  a ]\nlisten=*:2\n",
	  ":4: [service a]: already given on line 1: merge the two" },
	{ "[service a/b]\nlisten=*:1\n",
	  ":1: [service a/b]: a service name has only letters, digits, "
	  "'-', '_' and '.'" },
	{ "[service a2345678901234567890123456789012]\nlisten=*:1\n",
	  ":1: [service a2345678901234567890123456789012]: a service name has "
	  "at most 31 characters" },
	{ "[keys]\n\n[service web]\npolicy = on\n[daemon]\n",
	  ":3: [service web]: has no listen line: add 'listen = "
	  "ADDRESS:PORT'" },
	{ "[service web]\n", ":1: [service web]: has no listen line: add "
			     "'listen = ADDRESS:PORT'" },

	/* syntax */
	{ "[keys\n", ":1: '[keys': a section is written [NAME]" },
	{ "[keys ;]\n", ":1: '[keys ;]': a section is written [NAME]" },
	{ "[keys] lifetime = 5s\n", ":1: '[keys] lifetime = 5s': only a "
				    "comment may follow a section header" },
	{ "[service web]\nlisten *\n[daemon]\n",
	  ":2: neither '[section]' nor 'key = value'" },
	{ "[daemon]\nmode\n", ":2: neither '[section]' nor 'key = value'" },
	{ "[daemon]\nmode", ":2: neither '[section]' nor 'key = value'" },
	{ "mode = auto\n",
	  ":1: mode: comes before any section: start with [daemon]" },
	{ "[daemon]\n= x\n",
	  ":2: [daemon] : unknown key: [daemon] takes interface, mode, "
	  "on-exit, replace, pin-dir, control, control-group, metrics" },
	{ "[daemon]\nmetrics = 9790\n",
	  ":2: [daemon] metrics: '9790': port missing: write it as "
	  "192.0.2.1:443, [2001:db8::1]:443 or *:443" },
	{ "[daemon]\nmetrics = *:1\nmetrics = *:2\n",
	  ":3: [daemon] metrics: '*:2': already given on line 2: remove one" },
	{ "[keys]\nlifetime = 60s # a minute\n",
	  ":2: [keys] lifetime: '60s # a minute': a comment after a value "
	  "starts with ' ;'" },
	{ "[keys]\n# \x1b[2J\n", ":2: byte 0x1b is not text: remove it" },
	{ "[keys]\rlifetime = 5s\r", ":1: byte 0x0d is not text: remove it" },

	/* keys */
	{ "[service web]\nlisten = *:1\nlisen = *:2\n",
	  ":3: [service web] lisen: unknown key: did you mean 'listen'?" },
	{ "[keys]\nlifetiem = 5s\n",
	  ":2: [keys] lifetiem: unknown key: did you mean 'lifetime'?" },
	{ "[sessions]\nMAX = 5k\n",
	  ":2: [sessions] MAX: unknown key: did you mean 'max'?" },
	{ "[daemon]\nlifetime = 5s\n",
	  ":2: [daemon] lifetime: this key belongs under [keys]" },
	{ "[service web]\nmetric = 1\n",
	  ":2: [service web] metric: unknown key: [service] takes listen, "
	  "policy, cookies, owner" },
	{ "[keys]\nlifetime = 5s\nlifetime = 6s\n",
	  ":3: [keys] lifetime: '6s': already given on line 2: remove one" },

	/* [daemon] */
	{ "[daemon]\ninterface =\n",
	  ":2: [daemon] interface: '': an interface name is missing" },
	{ "[daemon]\ninterface = eth0 sixteen-letters.\n",
	  ":2: [daemon] interface: 'sixteen-letters.': an interface name has "
	  "at most 15 characters: see 'ip link'" },
	{ "[daemon]\ninterface = eth/0\n",
	  ":2: [daemon] interface: 'eth/0': an interface name has no '/', ':' "
	  "or blank: see 'ip link'" },
	{ "[daemon]\ninterface = eth0:1\n",
	  ":2: [daemon] interface: 'eth0:1': an interface name has no '/', ':' "
	  "or blank: see 'ip link'" },
	{ "[daemon]\ninterface = ..\n",
	  ":2: [daemon] interface: '..': not an interface name: see "
	  "'ip link'" },
	{ "[daemon]\nmode = fast\n",
	  ":2: [daemon] mode: 'fast': must be auto, native or skb" },
	{ "[daemon]\non-exit = stay\n",
	  ":2: [daemon] on-exit: 'stay': must be keep or detach" },
	{ "[daemon]\nreplace = true\n",
	  ":2: [daemon] replace: 'true': must be no or yes" },
	{ "[daemon]\ncontrol-group = nosuchgroup\n",
	  ":2: [daemon] control-group: 'nosuchgroup': no such group on this "
	  "host: create it with 'groupadd --system NAME'" },
	{ "[daemon]\npin-dir = synkeeper\n",
	  ":2: [daemon] pin-dir: 'synkeeper': must be a path that begins with "
	  "'/'" },
	{ "[daemon]\ncontrol = "
	  "/1234567890123456789012345678901234567890123456789"
	  "12345678901234567890123456789012345678901234567890123456789\n",
	  ":2: [daemon] control: "
	  "'/1234567890123456789012345678901234567890123456789"
	  "12345678901234567890123456789012345678901234567890123456789': too "
	  "long: at most 255 bytes for pin-dir, 107 for control" },

	/* durations and counts */
	{ "[keys]\nlifetime = 60\n",
	  ":2: [keys] lifetime: '60': not a duration: " SUFFIXES },
	{ "[keys]\nlifetime = -5s\n",
	  ":2: [keys] lifetime: '-5s': not a duration: " SUFFIXES },
	{ "[keys]\nlifetime =\n",
	  ":2: [keys] lifetime: '': not a duration: " SUFFIXES },
	{ "[keys]\nlifetime = 4999ms\n",
	  ":2: [keys] lifetime: '4999ms': must be 5s to 24h" },
	{ "[keys]\nlifetime = 24h1ms\n",
	  ":2: [keys] lifetime: '24h1ms': must be 5s to 24h" },
	{ "[keys]\nlifetime = 99999999999999999999999s\n",
	  ":2: [keys] lifetime: '99999999999999999999999s': must be 5s to "
	  "24h" },
	{ "[sessions]\npending-timeout = 11m\n",
	  ":2: [sessions] pending-timeout: '11m': must be 1s to 10m" },
	{ "[sessions]\nidle-timeout = 900ms\n",
	  ":2: [sessions] idle-timeout: '900ms': must be 1s to 30d" },
	{ "[sessions]\nmax = 1k\n",
	  ":2: [sessions] max: '1k': must be 1024 to 16777216" },
	{ "[sessions]\nmax = 17M\n",
	  ":2: [sessions] max: '17M': must be 1024 to 16777216" },
	{ "[sessions]\nmax = 4294968M\n",
	  ":2: [sessions] max: '4294968M': must be 1024 to 16777216" },
	{ "[sessions]\nmax = -1\n",
	  ":2: [sessions] max: '-1': not a count: write it as 500, 10k or "
	  "4M" },
	{ "[sessions]\nmax = 0x10000\n",
	  ":2: [sessions] max: '0x10000': not a count: write it as 500, 10k "
	  "or 4M" },

	/* services */
	{ "# c\n\n[daemon]\ninterface = eth0\n\n[service web]\n"
	  "listen = 192.0.2.1:70000\n",
	  ":7: [service web] listen: '192.0.2.1:70000': port must be 1 to "
	  "65535" },
	{ "[service web]\nlisten =\n",
	  ":2: [service web] listen: '': port missing: write it as "
	  "192.0.2.1:443, [2001:db8::1]:443 or *:443" },
	{ "[service web]\nlisten = 0.0.0.0:443\n",
	  ":2: [service web] listen: '0.0.0.0:443': for any address write "
	  "*:PORT, such as *:443" },
	{ "[service web]\npolicy = yes\n",
	  ":2: [service web] policy: 'yes': must be one of: on auto monitor "
	  "off" },
	{ "[arming]\nqueue = 50\n",
	  ":2: [arming] queue: '50': must be 1% to 100%" },
	{ "[arming]\nqueue = 101%\n",
	  ":2: [arming] queue: '101%': must be 1% to 100%" },
	{ "[arming]\nsyn-rate = 9\n",
	  ":2: [arming] syn-rate: '9': must be 10 to 1000000000" },
	{ "[arming]\ncalm = 0s\n",
	  ":2: [arming] calm: '0s': must be 1s to 1d" },
	{ "[service web]\nlisten = 1.2.3.4:80\nlisten = 1.2.3.4:81\n"
	  "listen = [::ffff:1.2.3.4]:80\n",
	  ":4: [service web] listen: '1.2.3.4:80': already given on line 2 "
	  "(service web): remove one" },
	{ "[service a]\nlisten = *:80\n\n[service b]\nlisten = *:81\n"
	  "listen = *:80\n[service c]\nlisten = *:81\n",
	  ":6: [service b] listen: '*:80': already given on line 2 (service "
	  "a): remove one" },

	/* [answer] */
	{ "[answer]\ninvalid-ack = ignore\n",
	  ":2: [answer] invalid-ack: 'ignore': must be drop or reset" },
	{ "[answer]\nresets-per-second = 5\ninvalid-ack = drop\n",
	  ":2: [answer] resets-per-second: has no effect without "
	  "'invalid-ack = reset'" },
	{ "[answer]\ninvalid-ack = reset\nresets-per-second = 0\n",
	  ":3: [answer] resets-per-second: '0': must be 1 to 1000000" },

	/* the first error is the one reported */
	{ "[keys]\nlifetime\nlifetime = x\n",
	  ":2: neither '[section]' nor 'key = value'" },
	{ "[keys]\nlifetime = x\nlifetime\n",
	  ":2: [keys] lifetime: 'x': not a duration: " SUFFIXES },
};

static void test_bad(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(bad); i++)
		expect_error(bad[i].text, strlen(bad[i].text), -EINVAL,
			     bad[i].err);
}

static void test_bytes(void **state)
{
	static const char nul[] = "[keys]\nlifetime = 5s\0\n";
	char text[1024];
	int n;

	(void)state;
	expect_error(nul, sizeof(nul) - 1, -EINVAL,
		     ":2: byte 0x00 is not text: remove it");
	n = sprintf(text, "[daemon]\npin-dir = /%0520d\n", 0);
	expect_error(text, n, -EINVAL,
		     ":2: line longer than 511 bytes: shorten it");
	/* in front of what would be cut off and read as a line of its own */
	n = sprintf(text, "[keys]\nlifetime = %*s60s\n", 512, "");
	expect_error(text, n, -EINVAL,
		     ":2: line longer than 511 bytes: shorten it");
}

static void test_files(void **state)
{
	char err[CONFIG_ERR_MAX];
	struct config c;

	(void)state;
	config_init(&c);
	assert_int_equal(config_load(&c, "/nonexistent/s.conf", err), -ENOENT);
	assert_string_equal(err, "/nonexistent/s.conf: cannot be opened: No "
				 "such file or directory");
	assert_int_equal(config_load(&c, "/tmp", err), -EISDIR);
	assert_string_equal(err, "/tmp:1: cannot be read: Is a directory");
	assert_int_equal(config_load(&c, "/dev/zero", err), -EINVAL);
	assert_string_equal(err,
			    "/dev/zero:1: byte 0x00 is not text: remove it");
	config_free(&c);
}

static void test_too_many_ifaces(void **state)
{
	char text[CONFIG_IFACES_MAX * 8 + 64], *end = text;
	int i;

	(void)state;
	end += sprintf(end, "[daemon]\n");
	for (i = 0; i <= CONFIG_IFACES_MAX; i++)
		end += sprintf(end, "%s%d", i % 16 ? " e" : "\ninterface = e",
			       i);
	expect_error(text, end - text, -E2BIG,
		     ":7: [daemon] interface: 'e64': more than 64 "
		     "interfaces: leave some out");
}

/* One section more than the maximum number of services. */
static void test_too_many_services(void **state)
{
	char *text = malloc(SERVICES_MAX * 64), *end = text;
	int i;

	(void)state;
	assert_non_null(text);
	for (i = 1; i < SERVICES_MAX; i++)
		end += sprintf(end, "[service s%d]\nlisten = *:%d\n", i, i);
	end += sprintf(end, "[service more]\nlisten = 10.1.0.0:80\n");
	expect_error(text, end - text, -E2BIG,
		     ":16384: [service more] listen: '10.1.0.0:80': more than "
		     "8191 services: leave some out, or protect all addresses "
		     "of a port with *:PORT");
	free(text);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_bad),
	cmocka_unit_test(test_bytes),
	cmocka_unit_test(test_files),
	cmocka_unit_test(test_too_many_ifaces),
	cmocka_unit_test(test_too_many_services),
};

TEST_MAIN(tests)
