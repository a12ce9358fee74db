// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: the verbs of `session` that need the daemon: what they
 * send, in how many parts, and how they handle the replies.
 */
#include "fakedaemon.h"

#include <time.h>

#define OK(result) "{\"ok\":true,\"result\":" result "}\n"

/* ---- kill ---- */

static void kill_in_one_part(void **state)
{
	static const struct {
		const char *line, *request, *reply, *text, *json;
	} table[] = {
		{ "session kill src 192.0.2.0/24 state live",
		  "{\"filter\":[\"src\",\"192.0.2.0/24\",\"state\",\"live\"],"
		  "\"dry_run\":false,\"cmd\":\"session.kill\"}\n",
		  OK("{\"matched\":1312,\"killed\":1312,\"pending\":0}"),
		  "killed 1,312 sessions\n",
		  "{\"matched\":1312,\"killed\":1312,\"pending\":0,"
		  "\"dry_run\":false}\n" },
		{ "session kill --all",
		  "{\"filter\":[],\"dry_run\":false,"
		  "\"cmd\":\"session.kill\"}\n",
		  OK("{\"matched\":1,\"killed\":1,\"pending\":0}"),
		  "killed 1 session\n",
		  "{\"matched\":1,\"killed\":1,\"pending\":0,"
		  "\"dry_run\":false}\n" },
		{ "session kill --dry-run dport 80",
		  "{\"filter\":[\"dport\",\"80\"],\"dry_run\":true,"
		  "\"cmd\":\"session.kill\"}\n",
		  OK("{\"matched\":5,\"killed\":0,\"pending\":2}"),
		  "would kill 3 sessions\n"
		  "2 matched, but have no socket yet\n",
		  "{\"matched\":5,\"killed\":0,\"pending\":2,"
		  "\"dry_run\":true}\n" },
		{ "session kill dport 80",
		  "{\"filter\":[\"dport\",\"80\"],\"dry_run\":false,"
		  "\"cmd\":\"session.kill\"}\n",
		  OK("{\"matched\":6,\"killed\":2,\"pending\":1}"),
		  "killed 2 sessions\n"
		  "1 matched, but has no socket yet\n"
		  "3 matched, but ended before\n",
		  "{\"matched\":6,\"killed\":2,\"pending\":1,"
		  "\"dry_run\":false}\n" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		expect_call(table[i].line, false, table[i].request,
			    table[i].reply, CMD_DONE, table[i].text, "");
		expect_call(table[i].line, true, table[i].request,
			    table[i].reply, CMD_DONE, table[i].json, "");
	}
}

#define KILL_80(more)                                            \
	"{\"filter\":[\"dport\",\"80\"],\"dry_run\":false," more \
	"\"cmd\":\"session.kill\"}\n"

/* The cursor is returned unchanged, whatever it is; sums cover all parts. */
static void kill_goes_on_from_the_cursor(void **state)
{
	static const char *const replies[] = {
		OK("{\"matched\":2,\"killed\":1,\"pending\":1,\"cursor\":0}"),
		OK("{\"matched\":0,\"killed\":0,\"pending\":0,\"cursor\":"
		   "\"x\"}"),
		OK("{\"matched\":3,\"killed\":3,\"pending\":0}"),
		NULL,
	};

	(void)state;
	expect_calls("session kill dport 80", false,
		     KILL_80("") KILL_80("\"cursor\":0,")
			     KILL_80("\"cursor\":\"x\","),
		     replies, CMD_DONE,
		     "killed 4 sessions\n"
		     "1 matched, but has no socket yet\n",
		     "");
}

static void kill_of_nothing_fails(void **state)
{
	static const char none[] =
		OK("{\"matched\":0,\"killed\":0,\"pending\":0}");
	static const char err[] = "synkeeper: session: no session matches: "
				  "synkeeper session list shows all\n";

	(void)state;
	expect_call("session kill dport 80", false, KILL_80(""), none,
		    CMD_FAILED, "", err);
	expect_call("session kill dport 80", true, KILL_80(""), none,
		    CMD_FAILED,
		    "{\"matched\":0,\"killed\":0,\"pending\":0,"
		    "\"dry_run\":false}\n",
		    err);
}

static void kill_that_fails_says_how_far_it_came(void **state)
{
	static const char *const replies[] = {
		OK("{\"matched\":2,\"killed\":2,\"pending\":0,\"cursor\":7}"),
		"{\"ok\":false,\"error\":\"no\",\"hint\":\"\"}\n",
		NULL,
	};

	(void)state;
	expect_calls("session kill dport 80", true,
		     KILL_80("") KILL_80("\"cursor\":7,"), replies, CMD_FAILED,
		     "{\"matched\":2,\"killed\":2,\"pending\":0,"
		     "\"dry_run\":false}\n",
		     "synkeeper: session: no\n"
		     "synkeeper: session: killed 2 sessions: the rest was not "
		     "processed\n");
}

static void kill_stops_when_the_cursor_does(void **state)
{
	static const char part[] =
		OK("{\"matched\":0,\"killed\":0,\"pending\":0,\"cursor\":7}");
	static const char *const replies[] = { part, part, NULL };

	(void)state;
	expect_calls("session kill dport 80", true,
		     KILL_80("") KILL_80("\"cursor\":7,"), replies, CMD_FAILED,
		     "",
		     "synkeeper: session: no progress: the daemon returned the "
		     "same cursor twice\n");
}

/* ---- watch ---- */

#define WATCHING OK("{\"watching\":true}")
#define ESTABLISHED                                                      \
	"{\"time\":1700000001.234,\"event\":\"established\",\"client\":" \
	"\"192.0.2.1:40000\",\"server\":\"192.0.2.2:80\",\"service\":1," \
	"\"name\":\"web\",\"left\":\"pending\",\"duration_s\":0.017}\n"
#define RESET                                                              \
	"{\"time\":1700000001.9996,\"event\":\"reset\",\"by\":\"client\"," \
	"\"client\":\"[2001:db8::1]:40000\",\"server\":"                   \
	"\"[2001:db8:1111:2222:3333:4444:5555:6666]:80\",\"service\":1,"   \
	"\"name\":\"\",\"left\":\"established\",\"duration_s\":61}\n"
#define LOST "{\"event\":\"lost\",\"count\":12}\n"
#define ENDED                                                                \
	"synkeeper: session: the daemon exited: see its log: journalctl -u " \
	"synkeeperd\n"

static void watch_in_text(void **state)
{
	(void)state;
	setenv("TZ", "UTC", 1);
	tzset();
	expect_call("session watch", false,
		    "{\"filter\":[],\"cmd\":\"session.watch\"}\n",
		    WATCHING ESTABLISHED RESET LOST, CMD_FAILED,
		    "22:13:21.234  established            192.0.2.1:40000 > "
		    "192.0.2.2:80                 web       0.02s\n"
		    "22:13:22.000  reset by client        "
		    "[2001:db8::1]:40000 > "
		    "[2001:db8:1111:2222:3333:4444:5555:6666]:80  -         "
		    "1m01s\n",
		    "synkeeper: session: 12 events lost: this reader was too "
		    "slow\n" ENDED);
}

static void watch_in_json_is_what_came(void **state)
{
	(void)state;
	expect_call("session watch state live", true,
		    "{\"filter\":[\"state\",\"live\"],"
		    "\"cmd\":\"session.watch\"}\n",
		    WATCHING ESTABLISHED LOST RESET, CMD_FAILED,
		    ESTABLISHED LOST RESET, ENDED);
}

static void watch_half_a_line(void **state)
{
	(void)state;
	expect_call("session watch", true,
		    "{\"filter\":[],\"cmd\":\"session.watch\"}\n",
		    WATCHING ESTABLISHED "{\"event\":", CMD_FAILED, ESTABLISHED,
		    ENDED);
}

static void watch_what_is_no_event(void **state)
{
	(void)state;
	expect_call("session watch", false,
		    "{\"filter\":[],\"cmd\":\"session.watch\"}\n",
		    WATCHING "[]\n" ESTABLISHED, CMD_FAILED, "",
		    "synkeeper: session: the daemon sent an invalid event: is "
		    "it the same version as this command?\n");
}

static void watch_refused(void **state)
{
	(void)state;
	expect_call("session watch", false,
		    "{\"filter\":[],\"cmd\":\"session.watch\"}\n",
		    "{\"ok\":false,\"error\":\"too many watch\",\"hint\":"
		    "\"end one\"}\n",
		    CMD_FAILED, "",
		    "synkeeper: session: too many watch: end one\n");
}

/* ---- totals ---- */

#define WEB                                                                 \
	"\"opened\":1009,\"alive\":{\"pending\":1,\"established\":4,"       \
	"\"half-closed-client\":1,\"half-closed-server\":1,\"closing\":2}," \
	"\"ended\":{\"closed\":900,\"reset\":60,\"timeout\":30,"            \
	"\"killed\":9,\"evicted\":1},\"events\":{},\"lost\":3,"             \
	"\"durations\":{\"sum_s\":2000,\"count\":1000,\"buckets\":["        \
	"{\"le_s\":0.1,\"count\":0},{\"le_s\":1,\"count\":800},"            \
	"{\"le_s\":10,\"count\":800},{\"le_s\":60,\"count\":801},"          \
	"{\"le_s\":300,\"count\":999},{\"count\":1000}]}"
#define NONE                                                             \
	"\"opened\":0,\"alive\":{},\"ended\":{\"closed\":0,\"reset\":0," \
	"\"timeout\":0,\"killed\":0,\"evicted\":0},\"events\":{},"       \
	"\"lost\":0,\"durations\":{\"sum_s\":0,\"count\":0,"             \
	"\"buckets\":[{\"le_s\":0.1,\"count\":0},{\"count\":0}]}"

static void totals_in_text(void **state)
{
	(void)state;
	expect_call(
		"session totals", false,
		"{\"brief\":true,\"cmd\":\"session.totals\"}\n",
		OK("{\"services\":[{\"listen\":\"*:80\",\"name\":\"web\"," WEB
		   "},{\"listen\":\"*:81\",\"name\":\"\"," NONE
		   "}],\"total\":{" WEB "}}"),
		CMD_DONE,
		"LISTEN  NAME  OPENED  ALIVE  CLOSED  RESET  TIMEOUT  KILLED  "
		"EVICTED  LOST\n"
		"*:80    web    1,009      9     900     60       30       9  "
		"      1     3\n"
		"*:81    -          0      0       0      0        0       0  "
		"      0     0\n"
		"total   -      1,009      9     900     60       30       9  "
		"      1     3\n"
		"\n"
		"mean duration of ended sessions: 2.00s\n"
		"up to     1s            800  "
		"########################################\n"
		"up to    10s              0\n"
		"up to     1m              1  #\n"
		"up to     5m            198  ##########\n"
		"      longer              1  #\n",
		"");
}

static void totals_of_one_service_without_sessions(void **state)
{
	(void)state;
	expect_call("session totals *:81", false,
		    "{\"listen\":\"*:81\",\"brief\":true,"
		    "\"cmd\":\"session.totals\"}\n",
		    OK("{\"services\":[{\"listen\":\"*:81\",\"name\":\"\"," NONE
		       "}],\"total\":{" NONE "}}"),
		    CMD_DONE,
		    "LISTEN  NAME  OPENED  ALIVE  CLOSED  RESET  TIMEOUT  "
		    "KILLED  EVICTED  LOST\n"
		    "*:81    -          0      0       0      0        0       "
		    "0        0     0\n"
		    "total   -          0      0       0      0        0       "
		    "0        0     0\n",
		    "");
}

static const struct CMUnitTest tests[] = {
	CMD_TEST(kill_in_one_part),
	CMD_TEST(kill_goes_on_from_the_cursor),
	CMD_TEST(kill_of_nothing_fails),
	CMD_TEST(kill_that_fails_says_how_far_it_came),
	CMD_TEST(kill_stops_when_the_cursor_does),
	CMD_TEST(watch_in_text),
	CMD_TEST(watch_in_json_is_what_came),
	CMD_TEST(watch_half_a_line),
	CMD_TEST(watch_what_is_no_event),
	CMD_TEST(watch_refused),
	CMD_TEST(totals_in_text),
	CMD_TEST(totals_of_one_service_without_sessions),
};

TEST_MAIN(tests)
