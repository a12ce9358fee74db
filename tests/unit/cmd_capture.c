// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: `synkeeper capture` against a fake daemon: what it
 * requests, what the file contains however the capture ends, and what is
 * refused. tests/unit/pcapng.c checks the blocks themselves.
 */
#include "fakedaemon.h"

#include <sys/stat.h>

#define AGREED "{\"ok\":true,\"result\":{\"watching\":true}}\n"
#define SAMPLE(reason, length, data)                                          \
	"{\"time\":1700000001.234567,\"event\":\"sample\",\"reason\":"        \
	"\"" reason                                                           \
	"\",\"listen\":\"192.0.2.2:80\",\"iface\":\"eth0\",\"client\""        \
	":\"192.0.2.1:40000\",\"server\":\"192.0.2.2:80\",\"length\":" length \
	",\"data\":\"" data "\"}\n"
#define GOOD SAMPLE("bad_cookie", "60", "00ff10")
#define ENDED                                                                \
	"synkeeper: capture: the daemon exited: see its log: journalctl -u " \
	"synkeeperd\n"

/* Runs "capture -w FILE ARGS"; returns the file's size, -1: there is none. */
static long expect_capture(const char *args, bool json, const char *request,
			   const char *reply, int code, const char *out,
			   const char *err)
{
	char file[sizeof(dir) + 16], line[256];
	struct stat st;
	int gone;

	snprintf(file, sizeof(file), "%s/f", dir);
	snprintf(line, sizeof(line), "capture -w %s %s", file, args);
	expect_call(line, json, request, reply, code, out, err);
	gone = stat(file, &st);
	unlink(file);
	return gone ? -1 : (long)st.st_size;
}

#define ASKS "{\"cmd\":\"sample.watch\"}\n"

static void until_count(void **state)
{
	(void)state;
	assert_true(expect_capture("--count 2", false, ASKS,
				   AGREED GOOD GOOD GOOD, CMD_DONE, "",
				   "2 packets captured\n") > 0);
	assert_true(expect_capture("--count 1", true, ASKS, AGREED GOOD,
				   CMD_DONE, "{\"packets\":1,\"lost\":0}\n",
				   "") > 0);
}

static void until_the_daemon_ends(void **state)
{
	long empty, one;

	(void)state;
	empty = expect_capture("", false, ASKS, AGREED, CMD_FAILED, "",
			       ENDED "0 packets captured\n");
	one = expect_capture(
		"", false, ASKS,
		AGREED GOOD "{\"event\":\"lost\",\"count\":1234}\n"
			    "{\"time\":1.0,\"ev",
		CMD_FAILED, "",
		ENDED "1 packet captured, 1,234 lost: this writer was too "
		      "slow\n");
	assert_true(one > empty);
}

static void what_is_asked_for(void **state)
{
	(void)state;
	expect_capture("--count 1 --reason stray_rst,bad_cookie --service "
		       "192.0.2.2:80 --rate 2k",
		       false,
		       "{\"reasons\":[\"stray_rst\",\"bad_cookie\"],"
		       "\"listen\":\"192.0.2.2:80\",\"rate\":2000,"
		       "\"cmd\":\"sample.watch\"}\n",
		       AGREED GOOD, CMD_DONE, "", "1 packet captured\n");
}

/* The comment: the reason and its meaning; an unknown one alone. */
static void comments(void **state)
{
	static const struct {
		const char *reply, *comment;
	} table[] = {
		{ AGREED GOOD,
		  "bad_cookie: ACK without a valid cookie or socket" },
		{ AGREED SAMPLE("of_tomorrow", "60", "00"), "of_tomorrow" },
	};
	char file[sizeof(dir) + 16], line[256], bytes[4096];
	ssize_t n;
	size_t i;
	FILE *f;

	(void)state;
	snprintf(file, sizeof(file), "%s/f", dir);
	snprintf(line, sizeof(line), "capture -w %s --count 1", file);
	for (i = 0; i < 2; i++) {
		expect_call(line, false, ASKS, table[i].reply, CMD_DONE, "",
			    "1 packet captured\n");
		f = fopen(file, "r");
		assert_non_null(f);
		n = fread(bytes, 1, sizeof(bytes), f);
		fclose(f);
		unlink(file);
		if (!memmem(bytes, n, table[i].comment,
			    strlen(table[i].comment)))
			fail_msg("no \"%s\" in the file", table[i].comment);
	}
}

static void what_is_no_sample(void **state)
{
	static const char *const replies[] = {
		AGREED "{}\n",
		AGREED SAMPLE("bad_cookie", "60", ""),
		AGREED SAMPLE("bad_cookie", "60", "0"),
		AGREED SAMPLE("bad_cookie", "60", "0g"),
		AGREED SAMPLE("bad_cookie", "1", "0000"),
		AGREED SAMPLE("bad_cookie", "-1", "00"),
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(replies) / sizeof(replies[0]); i++)
		expect_capture(
			"", false, ASKS, replies[i], CMD_FAILED, "",
			"synkeeper: capture: the daemon sent an invalid "
			"sample: is it the same version as this command?\n"
			"0 packets captured\n");
}

/* A capture that cannot start leaves no file. */
static void refused_by_the_daemon(void **state)
{
	(void)state;
	assert_int_equal(
		expect_capture("--service 192.0.2.2:81", false,
			       "{\"listen\":\"192.0.2.2:81\",\"cmd\":"
			       "\"sample.watch\"}\n",
			       "{\"ok\":false,\"error\":\"192.0.2.2:81 is no "
			       "service\",\"hint\":\"see service list\"}\n",
			       CMD_FAILED, "",
			       "synkeeper: capture: 192.0.2.2:81 is no "
			       "service: see service list\n"),
		-1);
}

static void no_such_folder(void **state)
{
	(void)state;
	expect_call("capture -w /nowhere/f", false, ASKS, AGREED GOOD,
		    CMD_FAILED, "",
		    "synkeeper: capture: /nowhere/f: No such file or "
		    "directory\n");
}

#define USAGE                                                              \
	": usage: synkeeper capture -w FILE [--reason R] [--service A:P] " \
	"[--count N] [--rate N]\n"

static void usage_errors(void **state)
{
	static const struct {
		const char *line, *err;
	} table[] = {
		{ "capture", "missing -w" USAGE },
		{ "capture --count 1", "missing -w" USAGE },
		{ "capture -w", "missing value for -w" USAGE },
		{ "capture -w f g", "unexpected argument g" USAGE },
		{ "capture -w f --count 0",
		  "--count 0: must be a number from 1 to 1000000000\n" },
		{ "capture -w f --rate 10001",
		  "--rate 10001: must be a number from 1 to 10000\n" },
		{ "capture -w f --rate x",
		  "--rate x: must be a number from 1 to 10000\n" },
		{ "capture -w f --service 80",
		  "--service 80: port missing: write it as 192.0.2.1:443, "
		  "[2001:db8::1]:443 or *:443\n" },
		{ "capture -w f --reason bad_cokie",
		  "--reason bad_cokie: unknown reason: did you mean "
		  "bad_cookie?\n" },
		{ "capture -w f --reason stray_rst,cookie",
		  "--reason cookie: unknown reason: did you mean "
		  "bad_cookie or expired_cookie?\n" },
		{ "capture -w f --reason stray_rst,",
		  "--reason : unknown reason: synkeeper explain lists them\n" },
		{ "capture -w f --reason answered",
		  "--reason answered: drops no packets (SYN answered with a "
		  "cookie): only dropped packets are sampled\n" },
	};
	char err[512];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		snprintf(err, sizeof(err), "synkeeper: capture: %s",
			 table[i].err);
		expect_run(table[i].line, false, CMD_USAGE, "", err);
	}
	expect_run("capture -w -", true, CMD_USAGE, "",
		   "synkeeper: capture: -j and -w - both write to standard "
		   "output: use -w FILE, or omit -j\n");
}

static const struct CMUnitTest tests[] = {
	CMD_TEST(until_count),	     CMD_TEST(until_the_daemon_ends),
	CMD_TEST(what_is_asked_for), CMD_TEST(comments),
	CMD_TEST(what_is_no_sample), CMD_TEST(refused_by_the_daemon),
	CMD_TEST(no_such_folder),    CMD_TEST(usage_errors),
};

TEST_MAIN(tests)
