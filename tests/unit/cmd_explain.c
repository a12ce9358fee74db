// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: `synkeeper explain` is complete: each reason has all of
 * its parts, and the commands it recommends exist.
 */
#include "runcmd.h"

#include "text/reason.h"

static json_t *explained(const char *line)
{
	struct run r = run(line, true);
	json_t *result = json_loads(r.out, 0, NULL);

	if (r.code || *r.err || !result)
		fail_msg("synkeeper -j %s: expected JSON, got %d \"%s\" \"%s\"",
			 line, r.code, r.out, r.err);
	run_free(&r);
	return result;
}

static const char *member(const json_t *one, const char *name)
{
	const char *text = json_string_value(json_object_get(one, name));

	if (!text || !*text)
		fail_msg("%s: no \"%s\"",
			 json_string_value(json_object_get(one, "reason")),
			 name);
	return text;
}

static void expect_sentence(const json_t *one, const char *name)
{
	const char *text = member(one, name);

	if (text[strlen(text) - 1] != '.')
		fail_msg("%s of %s is no sentence: %s", name,
			 member(one, "reason"), text);
}

static void every_reason(void **state)
{
	json_t *all = explained("explain"), *one;
	const struct reason_info *r;
	size_t i;

	(void)state;
	for (i = 0; (r = reason_at(i)); i++) {
		one = json_array_get(all, i);
		assert_string_equal(member(one, "reason"), r->name);
		assert_string_equal(member(one, "action"),
				    reason_action_name(r->action));
		assert_string_equal(member(one, "text"), r->text);
		expect_sentence(one, "meaning");
		expect_sentence(one, "remedy");
		if (!json_array_size(json_object_get(one, "harmless_causes")))
			fail_msg("%s: no harmless cause", r->name);
	}
	assert_int_equal(json_array_size(all), i);
	json_decref(all);
}

/* `synkeeper OBJECT ...` in the text of @one: is there such an object? */
static void expect_commands(const json_t *one, const char *name)
{
	static const char start[] = "`synkeeper ";
	const char *at = member(one, name);
	char line[64];

	while ((at = strstr(at, start))) {
		struct run r;

		at += sizeof(start) - 1;
		snprintf(line, sizeof(line), "%.*s -h", (int)strcspn(at, " `"),
			 at);
		r = run(line, false);
		if (r.code)
			fail_msg("%s of %s: synkeeper %s: %s", name,
				 member(one, "reason"), line, r.err);
		run_free(&r);
	}
}

static void commands_exist(void **state)
{
	json_t *all = explained("explain"), *one;
	size_t i;

	(void)state;
	json_array_foreach (all, i, one) {
		expect_commands(one, "meaning");
		expect_commands(one, "remedy");
	}
	json_decref(all);
}

static void names(void **state)
{
	static const char *const same[] = { "explain bad_cookie",
					    "explain bad-cookie",
					    "exp bad_cookie" };
	json_t *one;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		one = explained(same[i]);
		assert_string_equal(member(one, "reason"), "bad_cookie");
		json_decref(one);
	}
}

/* In scripts and on dashboards they live on. */
static void former_names(void **state)
{
	static const char *const renamed[][2] = {
		{ "explain in_the_way", "stale_socket" },
		{ "explain early-data", "data_before_socket" },
		{ "explain rst_withheld", "rst_suppressed" },
	};
	json_t *one;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(renamed) / sizeof(renamed[0]); i++) {
		one = explained(renamed[i][0]);
		assert_string_equal(member(one, "reason"), renamed[i][1]);
		json_decref(one);
	}
}

static void unknown_names(void **state)
{
	static const struct {
		const char *line, *err;
	} table[] = {
		{ "explain bad_cokie", "no reason \"bad_cokie\": did you mean "
				       "bad_cookie?\n" },
		{ "explain cookie",
		  "no reason \"cookie\": did you mean kernel_cookie or "
		  "bad_cookie or expired_cookie?\n" },
		{ "explain martians", "no reason \"martians\": synkeeper "
				      "explain lists them\n" },
		{ "explain bad_cookie stray_rst",
		  "unexpected argument stray_rst: usage: synkeeper explain "
		  "[REASON]\n" },
	};
	char err[256];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		snprintf(err, sizeof(err), "synkeeper: explain: %s",
			 table[i].err);
		expect_run(table[i].line, false, CMD_USAGE, "", err);
		expect_run(table[i].line, true, CMD_USAGE, "", err);
	}
}

static void text(void **state)
{
	(void)state;
	expect_run("explain time_wait", false, CMD_DONE,
		   "time_wait (pass): the kernel holds a TIME-WAIT socket for "
		   "it\n\n"
		   "What it means\n"
		   "    An ACK without a valid cookie, for a connection that "
		   "the kernel holds in\n"
		   "    TIME-WAIT and that was not in the table.\n\n"
		   "Harmless causes\n"
		   "  - a client retransmits its last FIN\n\n"
		   "What to do\n"
		   "    Nothing.\n",
		   "");
}

static const struct CMUnitTest tests[] = {
	CMD_TEST(every_reason), CMD_TEST(commands_exist), CMD_TEST(names),
	CMD_TEST(former_names), CMD_TEST(unknown_names),  CMD_TEST(text),
};

TEST_MAIN(tests)
