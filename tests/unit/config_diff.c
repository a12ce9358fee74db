// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: two files in, the lines of a reload's report out. Every
 * key is changed once, so that the diff cannot miss one.
 */
#include "testmain.h"

#include "loadconfig.h"

#include "text/change.h"
#include "config/config_diff.h"
#include "config/config_file.h"

#define BASE "[daemon]\ninterface = eth0\n[service web]\nlisten = *:443\n"

static void load_good(struct config *c, const char *text)
{
	char err[CONFIG_ERR_MAX];

	config_init(c);
	if (load(c, text, strlen(text), err))
		fail_msg("refused: %s\n%s", err, text);
}

/* All lines of the report, each with its newline; to be freed. */
static char *report(const struct config *old, const struct config *wanted)
{
	char line[CHANGE_STRLEN], *text = NULL;
	struct config_diff diff;
	size_t len, i;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	assert_int_equal(config_diff(old, wanted, &diff), 0);
	for (i = 0; i < diff.n; i++) {
		const struct config_change *c = &diff.changes[i];

		fprintf(out, "%s\n",
			change_format(c->what, c->from, c->to, c->needs,
				      c->note, line));
	}
	fclose(out);
	config_diff_free(&diff);
	return text;
}

static void expect(const char *old, const char *wanted, const char *lines)
{
	struct config a, b;
	char *got;

	load_good(&a, old);
	load_good(&b, wanted);
	got = report(&a, &b);
	if (strcmp(got, lines) != 0)
		fail_msg("from\n%sto\n%sexpected\n%sgot\n%s", old, wanted,
			 lines, got);
	free(got);
	config_free(&a);
	config_free(&b);
}

static void nothing_changed(void **state)
{
	(void)state;
	expect(BASE, BASE, "");
	expect(BASE,
	       "; comments and order do not matter\n"
	       "[service web]\nlisten = *:443\npolicy = on\n"
	       "[keys]\nlifetime = 1m\n[daemon]\ninterface = eth0\n",
	       "");
}

static void each_value(void **state)
{
	static const struct {
		const char *text, *line;
	} table[] = {
		{ "[keys]\nlifetime = 5m\n", "~ [keys] lifetime: 1m -> 5m\n" },
		{ "[sessions]\npending-timeout = 1m1s\n",
		  "~ [sessions] pending-timeout: 10s -> 1m1s\n" },
		{ "[sessions]\nidle-timeout = 1h\n",
		  "~ [sessions] idle-timeout: 2h4m -> 1h\n" },
		{ "[sessions]\nhalf-closed-timeout = 1500ms\n",
		  "~ [sessions] half-closed-timeout: 1h -> 1s500ms\n" },
		{ "[sessions]\nclosing-timeout = 1d\n",
		  "~ [sessions] closing-timeout: 2m -> 1d\n" },
		{ "[sessions]\ntime-wait-timeout = 1s\n",
		  "~ [sessions] time-wait-timeout: 1m -> 1s\n" },
		{ "[sessions]\nmax = 2048\n",
		  "! [sessions] max: 1048576 -> 2048: not changed: needs "
		  "synkeeper down and a new start\n" },
		{ "[answer]\ninvalid-ack = drop\n",
		  "~ [answer] invalid-ack: reset, 1000 a second -> drop\n" },
		{ "[answer]\nresets-per-second = 7\n",
		  "~ [answer] invalid-ack: reset, 1000 a second -> reset, 7 a "
		  "second\n" },
	};
	char text[512];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		snprintf(text, sizeof(text), BASE "%s", table[i].text);
		expect(BASE, text, table[i].line);
	}
}

/* Every key of the file. */
static const struct key {
	const char *section, *name, *least, *how;
} keys[] = {
#define VALUE(section, name, type, member, fallback, least, most, change, how, \
	      ...)                                                             \
	{ #section, name, least, how },
#define LIST(section, name, type, how, ...) { #section, name, NULL, how },
#define PART(section, name, type, fallback, least, most, how, ...) \
	{ #section, name, least, how },
#include "config/config_table.h"
};

/* A value other than the default; defaults are no bounds, or the first word. */
static const char *other_value(const struct key *k)
{
	static const struct {
		const char *how, *value;
	} others[] = {
		{ "NAME...", "eth1" }, { "GROUP", "root" },
		{ "DIR", "/other" },   { "PATH", "/other" },
		{ "FILE", "/other" },  { "ADDRESS:PORT", "127.0.0.1:9790" },
	};
	size_t i;

	if (strchr(k->how, '|'))
		return strrchr(k->how, '|') + 1;
	if (k->least)
		return k->least;
	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (!strcmp(k->how, others[i].how))
			return others[i].value;
	fail_msg("[%s] %s: give this test another value written %s", k->section,
		 k->name, k->how);
	return NULL;
}

/* A file with the key, or without. */
static void write_key(const struct key *k, bool with, char *text, size_t size)
{
	bool service = !strcmp(k->section, "service");
	const char *before = service ? "listen = *:80\n"
			     : !strcmp(k->section, "daemon")
				     ? "interface = eth0\n"
				     : "";

	snprintf(text, size, "%s%s[%s%s]\n%s%s%s%s\n",
		 strcmp(k->section, "daemon") ? "[daemon]\ninterface = eth0\n"
					      : "",
		 service ? "" : "[service base]\nlisten = *:443\n", k->section,
		 service ? " web" : "", before, with ? k->name : "",
		 with ? " = " : "; ", with ? other_value(k) : "nothing more");
}

static void every_key(void **state)
{
	char without[512], with[512], *got;
	struct config a, b;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		write_key(&keys[i], false, without, sizeof(without));
		write_key(&keys[i], true, with, sizeof(with));
		load_good(&a, without);
		load_good(&b, with);
		got = report(&a, &b);
		if (!*got)
			fail_msg("no difference between\n%s\nand\n%s", without,
				 with);
		free(got);
		config_free(&a);
		config_free(&b);
	}
}

static void daemon_values(void **state)
{
	(void)state;
	expect(BASE,
	       "[daemon]\ninterface = eth0\nmode = skb\non-exit = detach\n"
	       "replace = yes\npin-dir = /sys/fs/bpf/b\ncontrol = /run/b\n"
	       "[service web]\nlisten = *:443\n",
	       "! [daemon] mode: auto -> skb: not changed: needs synkeeper "
	       "down and a new start\n"
	       "~ [daemon] on-exit: keep -> detach\n"
	       "~ [daemon] replace: no -> yes\n"
	       "! [daemon] pin-dir: /sys/fs/bpf/synkeeper -> /sys/fs/bpf/b: "
	       "not changed: needs synkeeper down and a new start\n"
	       "! [daemon] control: /run/synkeeper/control -> /run/b: not "
	       "changed: needs a restart of the daemon\n");
}

static void interfaces(void **state)
{
	(void)state;
	expect("[daemon]\ninterface = a b c\n", "[daemon]\ninterface = d c a\n",
	       "- interface b\n+ interface d\n");
}

static void services(void **state)
{
	(void)state;
	expect("[service a]\nlisten = *:1\nlisten = 192.0.2.1:2\n"
	       "[service b]\nlisten = [2001:db8::1]:2\npolicy = off\n"
	       "[service c]\nlisten = 192.0.2.1:3\n",
	       "[service a]\nlisten = *:1\npolicy = off\n"
	       "[service d]\nlisten = 192.0.2.1:3\n"
	       "[service e]\nlisten = *:2\npolicy = off\n",
	       "- service 192.0.2.1:2\n"
	       "- service [2001:db8::1]:2\n"
	       "~ service 192.0.2.1:3 name: c -> d\n"
	       "~ service *:1 policy: on -> off\n"
	       "+ service *:2: policy off, cookies auto, owner auto, name e\n");
}

/* A file does not remove what an operator added, but can take it over. */
static void added_by_hand(void **state)
{
	struct config running, wanted;
	char err[CONFIG_ERR_MAX], *got;

	(void)state;
	load_good(&running, BASE);
	load_good(&wanted, BASE "listen = *:81\n");
	assert_int_equal(
		config_add_service(&running, "", "*:80", POLICY_ON, err), 0);
	assert_int_equal(
		config_add_service(&running, "", "*:81", POLICY_OFF, err), 0);
	running.services[1].by_hand = running.services[2].by_hand = true;
	got = report(&running, &wanted);
	assert_string_equal(got, "~ service *:81 policy: off -> on\n"
				 "~ service *:81 name: - -> web\n"
				 "~ service *:81 by hand: yes -> -\n");
	free(got);
	config_free(&running);
	config_free(&wanted);
}

/* A value that cannot change stays, and is reported again next time. */
static void fixed_values(void **state)
{
	struct config old, wanted;
	char *first, *second;

	(void)state;
	load_good(&old, BASE);
	load_good(&wanted, "[daemon]\ninterface = eth0\nmode = skb\n"
			   "pin-dir = /sys/fs/bpf/b\n"
			   "[service web]\nlisten = *:443\n"
			   "[sessions]\nmax = 2048\n");
	first = report(&old, &wanted);
	config_swap_fixed(&old, &wanted);
	assert_int_equal(wanted.mode, MODE_AUTO);
	assert_int_equal(wanted.sessions_max, 1048576);
	assert_string_equal(wanted.pin_dir, "/sys/fs/bpf/synkeeper");
	config_swap_fixed(&old, &wanted);
	second = report(&old, &wanted);
	assert_string_equal(first, second);
	free(first);
	free(second);
	config_free(&old);
	config_free(&wanted);
}

static void many_services(void **state)
{
	enum { MANY = 8000 };
	struct config old, wanted;
	char listen[LISTEN_STRLEN], err[CONFIG_ERR_MAX];
	struct config_diff diff;
	int i;

	(void)state;
	config_init(&old);
	config_init(&wanted);
	for (i = 0; i < MANY; i++) {
		snprintf(listen, sizeof(listen), "*:%d", 1 + i);
		assert_int_equal(config_add_service(i % 2 ? &old : &wanted, "",
						    listen, POLICY_ON, err),
				 0);
	}
	assert_int_equal(config_diff(&old, &wanted, &diff), 0);
	assert_int_equal(diff.n, MANY);
	for (i = 0; i < MANY; i++)
		assert_true(!diff.changes[i].from == !(i % 2));
	config_diff_free(&diff);
	config_free(&old);
	config_free(&wanted);
}

static void durations(void **state)
{
	static const unsigned int table[] = {
		0,     1,	999,	  1000,	    60000,
		61001, 7440000, 86400000, 90061001, UINT32_MAX,
	};
	char text[DURATION_STRLEN];
	unsigned int ms;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		duration_format(table[i], text);
		if (duration_parse(text, &ms) || ms != table[i])
			fail_msg("%u ms: written \"%s\"", table[i], text);
	}
	assert_string_equal(duration_format(7440000, text), "2h4m");
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(nothing_changed), cmocka_unit_test(each_value),
	cmocka_unit_test(every_key),	   cmocka_unit_test(daemon_values),
	cmocka_unit_test(interfaces),	   cmocka_unit_test(services),
	cmocka_unit_test(added_by_hand),   cmocka_unit_test(fixed_values),
	cmocka_unit_test(many_services),   cmocka_unit_test(durations),
};

TEST_MAIN(tests)
