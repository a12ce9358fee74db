// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: the request that a command line sends, and how it
 * handles the reply.
 */
#include "fakedaemon.h"

#include <errno.h>
#include <sys/stat.h>

#include "call/client.h"

#define SERVICE                                                             \
	"{\"listen\":\"*:80\",\"name\":\"\",\"policy\":\"on\",\"by_hand\":" \
	"true,\"armed\":false,\"owner\":\"socket\",\"cookies\":\"own\","    \
	"\"why\":\"no listener\"}"

#define LOST                                                                 \
	"synkeeper: service: *:80 is lost when the daemon exits: synkeeper " \
	"service save keeps it\n"

static const struct {
	const char *line, *request, *result, *out, *err;
} calls[] = {
	{ "service add *:80 --name web",
	  "{\"listen\":\"*:80\",\"name\":\"web\","
	  "\"cmd\":\"service.add\"}\n",
	  SERVICE, "*:80: policy on, not armed: no listener\n", LOST },
	{ "ser add --name=web *:80",
	  "{\"listen\":\"*:80\",\"name\":\"web\","
	  "\"cmd\":\"service.add\"}\n",
	  SERVICE, "*:80: policy on, not armed: no listener\n", LOST },
	{ "service del *:80", "{\"listen\":\"*:80\",\"cmd\":\"service.del\"}\n",
	  SERVICE, "*:80: deleted, no longer protected\n" },
	{ "service policy *:80 off",
	  "{\"listen\":\"*:80\",\"policy\":\"off\","
	  "\"cmd\":\"service.policy\"}\n",
	  SERVICE, "*:80: policy on, not armed: no listener\n", LOST },
	{ "service", "{\"cmd\":\"service.list\"}\n",
	  "{\"services\":[" SERVICE "]}",
	  "SERVICE  NAME  POLICY  ARMED  OWNER   OWNER WHY  COOKIES  "
	  "COOKIES WHY  NOT ARMED WHY\n"
	  "*:80     -     on      no     socket  -          own      "
	  "-            no listener\n" },
	{ "key rotate", "{\"cmd\":\"key.rotate\"}\n", "{\"epoch\":7}",
	  "epoch 7 begun; cookies of the previous epoch stay valid "
	  "until the next rotation\n" },
	{ "stats --service -", "{\"listen\":\"-\",\"cmd\":\"stats\"}\n",
	  "{\"services\":[{\"listen\":\"-\",\"name\":\"\","
	  "\"packets\":{}}],\"total\":{}}",
	  "no packets\n\n" },
	{ "reload", "{\"cmd\":\"reload\"}\n",
	  "{\"changed\":[],\"needs_restart\":[]}", "nothing changed\n" },
	{ "reload", "{\"cmd\":\"reload\"}\n",
	  "{\"changed\":[{\"what\":\"service *:80\",\"from\":null,"
	  "\"to\":\"policy on\"},{\"what\":\"interface b\",\"from\":"
	  "\"\",\"to\":null},{\"what\":\"[keys] lifetime\",\"from\":"
	  "\"1m\",\"to\":\"5m\"}],\"needs_restart\":[{\"what\":"
	  "\"[daemon] mode\",\"from\":\"auto\",\"to\":\"skb\","
	  "\"needs\":\"patience\"}]}",
	  "+ service *:80: policy on\n- interface b\n~ [keys] "
	  "lifetime: 1m -> 5m\n! [daemon] mode: auto -> skb: not "
	  "changed: needs patience\n" },
	{ "down", "{\"cmd\":\"down\"}\n",
	  "{\"interfaces\":[\"eth0\"],\"restored\":[]}",
	  "detached from eth0\nthe daemon is exiting\n" },
};

static void requests(void **state)
{
	char reply[512];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		snprintf(reply, sizeof(reply), "{\"ok\":true,\"result\":%s}\n",
			 calls[i].result);
		expect_call(calls[i].line, false, calls[i].request, reply,
			    CMD_DONE, calls[i].out,
			    calls[i].err ? calls[i].err : "");
	}
}

static void json_is_the_result_as_it_came(void **state)
{
	(void)state;
	expect_call("service list", true, "{\"cmd\":\"service.list\"}\n",
		    "{\"ok\":true,\"result\":{\"services\":[" SERVICE "]}}\n",
		    CMD_DONE, "{\"services\":[" SERVICE "]}\n", "");
	expect_call("key rotate -j", false, "{\"cmd\":\"key.rotate\"}\n",
		    "{\"ok\":true,\"result\":{\"epoch\":7}}\n", CMD_DONE,
		    "{\"epoch\":7}\n", "");
}

static void reasons_come_in_order_with_verdict_and_meaning(void **state)
{
	(void)state;
	expect_call(
		"stats", false, "{\"cmd\":\"stats\"}\n",
		"{\"ok\":true,\"result\":{\"services\":[{\"listen\":\"*:80\""
		",\"name\":\"web\",\"packets\":{\"news\":1,"
		"\"bad_cookie\":2,\"answered\":3000}}],\"total\":{}}}\n",
		CMD_DONE,
		"*:80 (web)\n"
		"REASON          VERDICT          PACKETS  MEANING\n"
		"answered        tx                 3,000  SYN answered with"
		" a cookie\n"
		"bad_cookie      drop                   2  ACK without a"
		" valid cookie or socket\n"
		"news            ?                      1  -\n\n",
		"");
}

static void refusals_of_the_daemon(void **state)
{
	(void)state;
	expect_call("service del x", false,
		    "{\"listen\":\"x\",\"cmd\":\"service.del\"}\n",
		    "{\"ok\":false,\"error\":\"x is not a service\","
		    "\"hint\":\"list them\"}\n",
		    CMD_FAILED, "",
		    "synkeeper: service: x is not a service: list them\n");
	expect_call("service del x", false,
		    "{\"listen\":\"x\",\"cmd\":\"service.del\"}\n",
		    "{\"ok\":false,\"error\":\"x\",\"hint\":\"\"}\n",
		    CMD_FAILED, "", "synkeeper: service: x\n");
	expect_call("key", false, "{\"cmd\":\"key.list\"}\n", "{}\n",
		    CMD_FAILED, "",
		    "synkeeper: key: the daemon gave no reason\n");
}

static void improper_answers(void **state)
{
	static const struct {
		const char *reply, *error;
	} table[] = {
		{ "hello\n", "Protocol error" },
		{ "[]\n", "Protocol error" },
		{ "{\"ok\":true\n", "Protocol error" },
	};
	char err[256];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		snprintf(err, sizeof(err),
			 "synkeeper: key: invalid reply from %s (%s): is this "
			 "the socket of a synkeeperd of the same version?\n",
			 path, table[i].error);
		expect_call("key", false, "{\"cmd\":\"key.list\"}\n",
			    table[i].reply, CMD_FAILED, "", err);
	}
}

static void daemon_that_ends_before_it_answers(void **state)
{
	static const char *const replies[] = { "{\"ok\":true", NULL };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(replies) / sizeof(replies[0]); i++)
		expect_call(
			"key", false, "{\"cmd\":\"key.list\"}\n", replies[i],
			CMD_FAILED, "",
			"synkeeper: key: the daemon exited before it answered: "
			"see its log: journalctl -u synkeeperd\n");
}

static int listen_at_path(void)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
	assert_int_equal(bind(fd, (void *)&sa, sizeof(sa)), 0);
	assert_int_equal(listen(fd, 2), 0);
	return fd;
}

static void *hang_up(void *arg)
{
	int *listener = arg, fd = accept(*listener, NULL, NULL);
	char line[256];

	recv(fd, line, sizeof(line), 0);
	close(fd);
	return NULL;
}

static void hung_up_on_was_told_that_the_daemon_had_ended(void **state)
{
	int listener = listen_at_path();
	pthread_t thread;
	char err[256];

	(void)state;
	snprintf(err, sizeof(err),
		 "synkeeper: key: %s: connection closed before it answered: "
		 "see the daemon's log (journalctl -u synkeeperd), or is this "
		 "another program's socket?\n",
		 path);
	pthread_create(&thread, NULL, hang_up, &listener);
	expect_run("key", false, CMD_FAILED, "", err);
	pthread_join(thread, NULL);
	close(listener);
	unlink(path);
}

/* Reports an error and closes at once, before any request is sent. */
static void *refuse_all(void *arg)
{
	int *listener = arg, fd = accept(*listener, NULL, NULL);
	static const char line[] = "{\"ok\":false,\"error\":\"busy: so many\","
				   "\"hint\":\"wait\"}\n";

	send(fd, line, strlen(line), MSG_NOSIGNAL);
	close(fd);
	return NULL;
}

static void refused_before_it_asked(void **state)
{
	int listener = listen_at_path();
	json_t *request = json_pack("{s:s}", "cmd", "status"), *reply = NULL;
	struct client *cl = NULL;
	pthread_t thread;

	(void)state;
	pthread_create(&thread, NULL, refuse_all, &listener);
	assert_int_equal(client_open(path, &cl), 0);
	pthread_join(thread, NULL); /* it is closed by now */
	assert_int_equal(client_request(cl, request, 1000, &reply), 0);
	assert_string_equal(json_string_value(json_object_get(reply, "error")),
			    "busy: so many");
	client_close(cl);
	json_decref(request);
	json_decref(reply);
	close(listener);
	unlink(path);
}

static void what_is_no_socket(void **state)
{
	char err[256];

	(void)state;
	fclose(fopen(path, "w"));
	snprintf(err, sizeof(err),
		 "synkeeper: key: %s is not a socket: give the daemon's with "
		 "--control PATH\n",
		 path);
	expect_run("key", false, CMD_FAILED, "", err);
	unlink(path);
}

static void too_long_a_request_is_not_sent(void **state)
{
	static const char *const no_reply[] = { NULL };
	json_t *request = json_object(), *reply = NULL;
	char *name = calloc(1, 65536);
	struct client *cl = NULL;
	struct daemon_thread d;

	(void)state;
	assert_non_null(name);
	memset(name, 'x', 65535);
	json_object_set_new(request, "name", json_string(name));
	daemon_start(&d, no_reply);
	assert_int_equal(client_open(path, &cl), 0);
	assert_int_equal(client_request(cl, request, 1000, &reply), -EMSGSIZE);
	client_close(cl);
	assert_null(reply);
	daemon_stop(&d);
	assert_string_equal(d.request, "");
	json_decref(request);
	free(name);
}

static void no_daemon(void **state)
{
	char err[256];

	(void)state;
	snprintf(err, sizeof(err),
		 "synkeeper: status: no daemon is listening on %s: start "
		 "synkeeperd, or give its socket with --control PATH\n",
		 path);
	expect_run("", false, CMD_FAILED, "", err);
	expect_run("", true, CMD_FAILED, "", err);
}

/* A directory that is not Synkeeper's is left alone, whatever is in it. */
static void down_removes_only_what_is_ours(void **state)
{
	char maps[sizeof(dir) + 16], file[sizeof(dir) + 32], err[512];

	(void)state;
	skip_without_bpf();
	snprintf(maps, sizeof(maps), "%s/maps", dir);
	snprintf(file, sizeof(file), "%s/settings", maps);
	assert_int_equal(mkdir(maps, 0700), 0);
	fclose(fopen(file, "w"));
	snprintf(err, sizeof(err),
		 "synkeeper: down: no daemon is running, and nothing is pinned "
		 "in %s: nothing to do, unless you meant another --control or "
		 "--pin-dir\n",
		 dir);
	expect_run("down", false, CMD_FAILED, "", err);
	assert_int_equal(unlink(file), 0);
	assert_int_equal(rmdir(maps), 0);
}

static const struct CMUnitTest tests[] = {
	CMD_TEST(requests),
	CMD_TEST(json_is_the_result_as_it_came),
	CMD_TEST(reasons_come_in_order_with_verdict_and_meaning),
	CMD_TEST(refusals_of_the_daemon),
	CMD_TEST(improper_answers),
	CMD_TEST(daemon_that_ends_before_it_answers),
	CMD_TEST(hung_up_on_was_told_that_the_daemon_had_ended),
	CMD_TEST(refused_before_it_asked),
	CMD_TEST(what_is_no_socket),
	CMD_TEST(too_long_a_request_is_not_sent),
	CMD_TEST(no_daemon),
	CMD_TEST(down_removes_only_what_is_ours),
};

TEST_MAIN(tests)
