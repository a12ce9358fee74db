// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: the meaning of valid files, the values that flags share
 * with them, and that the example file shows the defaults. config_errors.c
 * tests invalid files.
 */
#include "testmain.h"

#include <errno.h>
#include <time.h>

#include "loadconfig.h"
#include "synkeeper/control.h"
#include "synkeeper/limits.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void load_good(struct config *c, const char *text)
{
	char err[CONFIG_ERR_MAX];

	config_init(c);
	if (load(c, text, strlen(text), err))
		fail_msg("refused: %s\n%s", err, text);
}

static void test_defaults(void **state)
{
	struct config c;

	(void)state;
	load_good(&c, "");
	assert_int_equal(c.n_ifaces, 0);
	assert_int_equal(c.mode, MODE_AUTO);
	assert_int_equal(c.on_exit, EXIT_KEEP);
	assert_false(c.replace);
	assert_string_equal(c.pin_dir, PIN_DIR_DEFAULT);
	assert_string_equal(c.control, CONTROL_PATH_DEFAULT);
	assert_int_equal(c.key_lifetime_ms, 60000);
	assert_int_equal(c.sessions_max, 1048576);
	assert_int_equal(c.pending_timeout_ms, 10000);
	assert_int_equal(c.idle_timeout_ms, 124 * 60000);
	assert_int_equal(c.half_closed_timeout_ms, 3600000);
	assert_int_equal(c.closing_timeout_ms, 120000);
	assert_int_equal(c.time_wait_timeout_ms, 60000);
	assert_int_equal(c.resets_per_second, 1000);
	assert_int_equal(c.arming.syn_rate, 1000);
	assert_int_equal(c.arming.queue, 50);
	assert_int_equal(c.arming.calm_ms, 60000);
	assert_int_equal(c.n_services, 0);
	config_free(&c);
}

static void expect_service(const struct config *c, size_t i, const char *name,
			   const char *listen, enum config_policy policy,
			   unsigned int line)
{
	const struct config_service *s = &c->services[i];
	char buf[LISTEN_STRLEN];

	assert_in_range(i, 0, c->n_services - 1);
	assert_string_equal(s->name, name);
	assert_string_equal(listen_format(&s->listen, buf), listen);
	assert_int_equal(s->policy, policy);
	assert_int_equal(s->line, line);
}

/* Every key; indented, with comments, CRLF, a byte order mark, ':' for '='. */
static void test_everything(void **state)
{
	struct config c;

	(void)state;
	load_good(&c, "\xef\xbb\xbf[daemon] ; first\r\n"
		      "interface = eth0 ; the uplink\r\n"
		      "\tinterface = eth1\t eth2 eth0\r\n"
		      "  mode = skb\n"
		      "on-exit = detach\n"
		      "replace: yes\n"
		      "pin-dir = /sys/fs/bpf/other\n"
		      "control=/run/other\n"
		      "[ keys ] # second\n"
		      "lifetime = 1m30s\n"
		      "[sessions]\n"
		      "max = 4M\n"
		      "pending-timeout = 1500ms\n"
		      "idle-timeout = 1d2h3m4s5ms\n"
		      "half-closed-timeout = 2h\n"
		      "closing-timeout = 30s\n"
		      "time-wait-timeout = 2s\n"
		      "[service web]\n"
		      "listen = 192.0.2.10:443\n"
		      "   listen = [2001:db8::10]:443\n"
		      "policy = off\n"
		      "listen = *:80\n\n"
		      "[service\tssh]\n"
		      "listen = *:22\n"
		      "[arming]\n"
		      "syn-rate = 5k\n"
		      "queue = 80%\n"
		      "calm = 5m\n"
		      "[answer]\n"
		      "resets-per-second = 2k\n"
		      "invalid-ack = reset");
	assert_int_equal(c.n_ifaces, 3);
	assert_string_equal(c.ifaces[0], "eth0");
	assert_string_equal(c.ifaces[1], "eth1");
	assert_string_equal(c.ifaces[2], "eth2");
	assert_int_equal(c.mode, MODE_SKB);
	assert_int_equal(c.on_exit, EXIT_DETACH);
	assert_true(c.replace);
	assert_string_equal(c.pin_dir, "/sys/fs/bpf/other");
	assert_string_equal(c.control, "/run/other");
	assert_int_equal(c.key_lifetime_ms, 90000);
	assert_int_equal(c.sessions_max, 4000000);
	assert_int_equal(c.pending_timeout_ms, 1500);
	assert_int_equal(c.idle_timeout_ms, 93784005);
	assert_int_equal(c.half_closed_timeout_ms, 7200000);
	assert_int_equal(c.closing_timeout_ms, 30000);
	assert_int_equal(c.time_wait_timeout_ms, 2000);
	assert_int_equal(c.resets_per_second, 2000);
	assert_int_equal(c.arming.syn_rate, 5000);
	assert_int_equal(c.arming.queue, 80);
	assert_int_equal(c.arming.calm_ms, 300000);
	assert_int_equal(c.n_services, 4);
	expect_service(&c, 0, "web", "192.0.2.10:443", POLICY_OFF, 19);
	expect_service(&c, 1, "web", "[2001:db8::10]:443", POLICY_OFF, 20);
	expect_service(&c, 2, "web", "*:80", POLICY_OFF, 22);
	expect_service(&c, 3, "ssh", "*:22", POLICY_ON, 25);
	config_free(&c);
}

static void test_resets(void **state)
{
	struct config c;

	(void)state;
	load_good(&c, "[answer]\ninvalid-ack = reset\n");
	assert_int_equal(c.resets_per_second, 1000);
	config_free(&c);
	load_good(&c, "[answer]\nresets-per-second = 7\n");
	assert_int_equal(c.resets_per_second, 7);
	config_free(&c);
	load_good(&c, "[answer]\ninvalid-ack = drop\n");
	assert_int_equal(c.resets_per_second, 0);
	config_free(&c);
	load_good(&c, "[keys]\nlifetime = 2m\n");
	assert_int_equal(c.resets_per_second, 1000);
	config_free(&c);
}

/* A comment may be longer than other lines; a '[' in it opens nothing. */
static void test_long_comment(void **state)
{
	struct config c;
	char text[2048];

	(void)state;
	sprintf(text, "[keys]\n# %0511d[daemon]%0300d\n ; [x\nlifetime = 5s\n",
		0, 0);
	load_good(&c, text);
	assert_int_equal(c.key_lifetime_ms, 5000);
	config_free(&c);
}

static void expect_invalid(const struct config *c, const char *expected)
{
	char err[CONFIG_ERR_MAX];

	assert_int_equal(config_validate(c, err), -EINVAL);
	assert_string_equal(err, expected);
}

/* Filled in by flags: incomplete, complete, and with a duplicate service. */
static void test_flags(void **state)
{
	char err[CONFIG_ERR_MAX];
	struct config c;

	(void)state;
	config_init(&c);
	expect_invalid(&c, "no interface: name one with -i, or with "
			   "'interface = NAME' under [daemon]");
	assert_int_equal(config_add_iface(&c, "eth 0", err), -EINVAL);
	assert_string_equal(err, "'eth 0': an interface name has no '/', ':' "
				 "or blank: see 'ip link'");
	assert_int_equal(config_add_iface(&c, "fifteen-letters", err), 0);
	expect_invalid(&c, "no service: name one with -s ADDRESS:PORT, or with "
			   "'listen = ADDRESS:PORT' under [service NAME]");
	assert_int_equal(
		config_add_service(&c, "", "192.0.2.1", POLICY_ON, err),
		-EINVAL);
	assert_string_equal(err, "'192.0.2.1': port missing: write it as "
				 "192.0.2.1:443, [2001:db8::1]:443 or *:443");
	assert_int_equal(c.n_services, 0);
	assert_int_equal(config_add_service(&c, "", "*:443", POLICY_ON, err),
			 0);
	assert_int_equal(config_validate(&c, err), 0);
	assert_int_equal(config_set_string(&c.control, "control"), 0);
	expect_invalid(&c, "control: 'control': must be a path that begins "
			   "with '/'");
	assert_int_equal(config_set_string(&c.control, "/control"), 0);

	assert_int_equal(load(&c, "[service web]\nlisten = *:443\n", 29, err),
			 -EINVAL);
	assert_string_equal(err, ":2: [service web] listen: '*:443': already "
				 "given by a flag: remove one");
	expect_invalid(&c, "'*:443': given twice, once as service 'web': "
			   "remove one");
	config_free(&c);

	config_init(&c);
	assert_int_equal(config_add_iface(&c, "eth0", err), 0);
	config_add_service(&c, "", "*:443", POLICY_ON, err);
	config_add_service(&c, "", "*:443", POLICY_ON, err);
	expect_invalid(&c, "'*:443': given twice: remove one");
	config_free(&c);
}

/* The maximum number of services, a section each, and one more. */
static void test_many_services(void **state)
{
	const size_t n = SERVICES_MAX - 1;
	char *text = malloc((n + 1) * 64), *end = text;
	struct timespec from, to;
	struct config c;
	double seconds;
	size_t i;

	(void)state;
	assert_non_null(text);
	for (i = 0; i < n; i++)
		end += sprintf(end,
			       "[service s%zu]\nlisten = 10.0.%zu.%zu:80\n", i,
			       i / 256, i % 256);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
	load_good(&c, text);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
	assert_int_equal(c.n_services, n);
	expect_service(&c, n - 1, "s8190", "10.0.31.254:80", POLICY_ON, 2 * n);
	config_free(&c);
	seconds = to.tv_sec - from.tv_sec + (to.tv_nsec - from.tv_nsec) / 1e9;
	if (seconds > 1)
		fail_msg("%zu services took %.1f s of CPU time, expected less "
			 "than 1",
			 n, seconds);

	free(text);
}

static const struct row {
	const char *section, *name, *fallback, *least, *most, *how;
} rows[] = {
#define VALUE(section, name, type, member, fallback, least, most, change, how, \
	      ...)                                                             \
	{ #section, name, fallback, least, most, how },
#define PART(section, name, type, fallback, least, most, how, ...) \
	{ #section, name, fallback, least, most, how },
#include "config/config_table.h"
};

static void take(const struct row *r, const char *value)
{
	bool service = !strcmp(r->section, "service");
	char text[1024], err[CONFIG_ERR_MAX];
	struct config c;

	snprintf(text, sizeof(text), "[%s]\n%s%s = %s\n",
		 service ? "service web" : r->section,
		 service ? "listen = *:1\n"
			 : "",
		 r->name, value);
	config_init(&c);
	if (load(&c, text, strlen(text), err))
		fail_msg("refused: %s\n%s", err, text);
	config_free(&c);
}

static void take_words(const struct row *r)
{
	char words[64], *rest = words, *word;

	snprintf(words, sizeof(words), "%s", r->how);
	while (strchr(r->how, '|') && (word = strsep(&rest, "|")))
		take(r, word);
}

static void take_longest(const struct row *r)
{
	size_t len = atoi(r->most);
	char path[512] = "/";

	if (len >= 400) /* longer than a line */
		return;
	memset(path + 1, 'x', len - 1);
	take(r, path);
}

/* Defaults, words and bounds in the table are accepted. */
static void test_table(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		if (rows[i].fallback)
			take(&rows[i], rows[i].fallback);
		take_words(&rows[i]);
		if (rows[i].least) {
			take(&rows[i], rows[i].least);
			take(&rows[i], rows[i].most);
		} else if (rows[i].most) {
			take_longest(&rows[i]);
		}
	}
}

/* Loads the example with every "#key = value" in it switched on. */
static void test_example(void **state)
{
	FILE *f = fopen("dist/synkeeper.conf", "r");
	char line[256], text[8192], *end = text;
	struct config c, d;

	(void)state;
	if (!f) {
		fprintf(stderr, "no dist/synkeeper.conf from here\n");
		skip();
	}
	while (fgets(line, sizeof(line), f)) {
		bool on = line[0] == '#' && line[1] >= 'a' && line[1] <= 'z';

		end = stpcpy(end, line + on);
	}
	fclose(f);
	load_good(&c, text);
	assert_int_equal(c.n_services, 1);
	assert_int_equal(c.n_ifaces, 1);

	/* what it shows as defaults are the defaults */
	config_init(&d);
	assert_int_equal(c.mode, d.mode);
	assert_int_equal(c.on_exit, d.on_exit);
	assert_int_equal(c.replace, d.replace);
	assert_string_equal(c.pin_dir, d.pin_dir);
	assert_string_equal(c.control, d.control);
	assert_int_equal(c.key_lifetime_ms, d.key_lifetime_ms);
	assert_int_equal(c.sessions_max, d.sessions_max);
	assert_int_equal(c.pending_timeout_ms, d.pending_timeout_ms);
	assert_int_equal(c.idle_timeout_ms, d.idle_timeout_ms);
	assert_int_equal(c.resets_per_second, 1000);
	config_free(&c);
	config_free(&d);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_defaults), cmocka_unit_test(test_everything),
	cmocka_unit_test(test_resets),	 cmocka_unit_test(test_long_comment),
	cmocka_unit_test(test_flags),	 cmocka_unit_test(test_many_services),
	cmocka_unit_test(test_table),	 cmocka_unit_test(test_example),
};

TEST_MAIN(tests)
