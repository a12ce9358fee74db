/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: files of secrets as people and programs write them, the
 * steps of a rollout in every order, and what no message may contain.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "secret/secret.h"
#include "testmain.h"

#define HEX_A "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define HEX_B "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100"
#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"

static int parse(const char *text, struct secrets *ret, char *err)
{
	char copy[1024];

	*err = 0;
	snprintf(copy, sizeof(copy), "%s", text);
	return secrets_parse("FILE", copy, ret, err);
}

static struct secrets parsed(const char *text)
{
	char err[SECRET_ERR_MAX];
	struct secrets s = {};

	if (parse(text, &s, err))
		fail_msg("'%s': expected to be read, got '%s'", text, err);
	return s;
}

static void good_texts(void **state)
{
	static const struct {
		const char *text, *want;
	} good[] = {
		{ "current a " HEX_A "\n", "a is current" },
		{ "current a " HEX_A, "a is current" },
		{ "# why\n\n\t current  a\t" HEX_A " # one\r\n",
		  "a is current" },
		{ "current a " HEX_A "\nstaged b " HEX_B "\n",
		  "a is current, b is staged" },
		{ "former a " HEX_A "\ncurrent b " HEX_B "\n",
		  "a is former, b is current" },
	};
	char buf[SECRET_STATE_MAX];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct secrets s = parsed(good[i].text);

		if (strcmp(secrets_describe(&s, buf), good[i].want) != 0)
			fail_msg("'%s': expected '%s', got '%s'", good[i].text,
				 good[i].want, buf);
	}
}

/* Nothing of a secret: no eight digits in a row of either. */
static void shows_nothing(const char *what, const char *text)
{
	size_t i;

	for (i = 0; i + 8 <= sizeof(HEX_A) - 1; i++) {
		char part[9] = "";

		memcpy(part, HEX_A + i, 8);
		if (strstr(text, part))
			fail_msg("%s: shows the secret: '%s'", what, text);
		memcpy(part, HEX_B + i, 8);
		if (strstr(text, part))
			fail_msg("%s: shows the secret: '%s'", what, text);
	}
}

static void bad_texts(void **state)
{
	static const struct {
		const char *text, *want;
	} bad[] = {
		{ "", "no secret is current" },
		{ "staged a " HEX_A, "no secret is current" },
		{ "signs a " HEX_A, "FILE:1: a line begins with" },
		{ HEX_A, "FILE:1: a line begins with" },
		{ "current " HEX_A, "FILE:1: the second word" },
		{ "current a", "FILE:1: the third word" },
		{ "current a " HEX_A "0", "FILE:1: the third word" },
		{ "current a " HEX_A " " HEX_B, "FILE:1: the third word" },
		{ "\ncurrent a x" HEX_A, "FILE:2: the third word" },
		{ "current a 0011", "FILE:1: the third word" },
		{ "current a " ZEROS, "all zeros" },
		{ "current a " HEX_A "\ncurrent b " HEX_B, "two secrets are" },
		{ "current a " HEX_A "\nstaged a " HEX_B, "have the id a" },
		{ "current a " HEX_A "\nstaged b " HEX_A, "are the same" },
		{ "current a " HEX_A "\nstaged b " HEX_B "\nformer c " HEX_A,
		  "FILE:3: more than 2" },
	};
	char err[SECRET_ERR_MAX];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct secrets s = {};
		int got = parse(bad[i].text, &s, err);

		if (got >= 0 || !strstr(err, bad[i].want) || s.n)
			fail_msg("'%s': expected '%s', got %d '%s'",
				 bad[i].text, bad[i].want, got, err);
		shows_nothing("message", err);
	}
}

/* ---- the steps ---- */

enum step { STAGE_B, STAGE_A, STAGE_OTHER_B, PROMOTE, RETIRE };

static int take(struct secrets *s, enum step step, char *err)
{
	static const char *const from[] = {
		[STAGE_A] = "current a " HEX_A,
		[STAGE_B] = "current b " HEX_B,
		[STAGE_OTHER_B] = "current b " HEX_A,
	};
	struct secrets fresh;

	if (step == PROMOTE)
		return secrets_promote(s, err);
	if (step == RETIRE)
		return secrets_retire(s, err);
	fresh = parsed(from[step]);
	return secrets_stage(s, &fresh, err);
}

/* What every step does in every state; each is repeatable. */
static void steps(void **state)
{
	static const char *const one = "current a " HEX_A;
	static const char *const staged = "current a " HEX_A
					  "\nstaged b " HEX_B;
	static const char *const promoted = "former a " HEX_A
					    "\ncurrent b " HEX_B;
	static const char *const retired = "current b " HEX_B;
	const struct {
		const char *before;
		enum step step;
		int want;
		const char *after; /* or a part of the message */
	} rows[] = {
		{ one, STAGE_B, 1, "a is current, b is staged" },
		{ one, STAGE_A, 0, "a is current" },
		{ one, STAGE_OTHER_B, -EINVAL, "have the same bytes" },
		{ one, PROMOTE, -EINVAL, "no secret is staged" },
		{ one, RETIRE, 0, "a is current" },
		{ staged, STAGE_B, 0, "a is current, b is staged" },
		{ staged, PROMOTE, 1, "a is former, b is current" },
		{ staged, RETIRE, -EINVAL, "b is staged" },
		{ promoted, STAGE_B, 0, "a is former, b is current" },
		{ promoted, STAGE_A, -EINVAL, "a was replaced" },
		{ promoted, PROMOTE, 0, "a is former, b is current" },
		{ promoted, RETIRE, 1, "b is current" },
		{ retired, RETIRE, 0, "b is current" },
		{ retired, STAGE_A, 1, "b is current, a is staged" },
	};
	char err[SECRET_ERR_MAX], buf[SECRET_STATE_MAX];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct secrets s = parsed(rows[i].before), before = s;
		int got = take(&s, rows[i].step, err);
		const char *shown = got < 0 ? err : secrets_describe(&s, buf);

		if (got != rows[i].want || !strstr(shown, rows[i].after))
			fail_msg("row %zu: expected %d '%s', got %d '%s'", i,
				 rows[i].want, rows[i].after, got, shown);
		if (got <= 0 && memcmp(&s, &before, sizeof(s)) != 0)
			fail_msg("row %zu: was changed without need", i);
	}
}

static void a_third_is_refused(void **state)
{
	struct secrets s = parsed("current a " HEX_A "\nstaged b " HEX_B), c;
	char err[SECRET_ERR_MAX];

	(void)state;
	assert_int_equal(secrets_generate(&c, err), 0);
	if (secrets_stage(&s, &c, err) != -EINVAL ||
	    !strstr(err, "b is still staged"))
		fail_msg("a third secret: expected it to be refused since b is "
			 "staged, got '%s'",
			 err);
}

/* ---- keys ---- */

static void derivation_is_stable(void **state)
{
	struct secrets a = parsed("current a " HEX_A);
	struct secrets b = parsed("current a " HEX_B);
	struct siphash_key k[3];
	char print[2][SECRET_PRINT_MAX];

	(void)state;
	secret_derive(&a.list[0], 27000000, &k[0]);
	secret_derive(&a.list[0], 27000001, &k[1]);
	secret_derive(&b.list[0], 27000000, &k[2]);
	assert_memory_not_equal(&k[0], &k[1], sizeof(k[0]));
	assert_memory_not_equal(&k[0], &k[2], sizeof(k[0]));
	secret_print(&a.list[0], print[0]);
	secret_print(&b.list[0], print[1]);
	assert_string_not_equal(print[0], print[1]);
	/* nodes of different versions must agree */
	if (k[0].k0 != 0x984f20a888a014e4 || k[0].k1 != 0x079e5ffa094beaec)
		fail_msg("derived %016llx %016llx: expected what other "
			 "versions derive",
			 (unsigned long long)k[0].k0,
			 (unsigned long long)k[0].k1);
	assert_string_equal(print[0], "eb65:a892:69dd:afa2");
	shows_nothing("fingerprint", print[0]);
}

/* ---- the file ---- */

static void files(void **state)
{
	char folder[] = "/tmp/synkeeper-unit-XXXXXX", path[64], beside[96];
	char err[SECRET_ERR_MAX];
	struct secrets s, got = {};
	struct stat st;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/key", folder);
	snprintf(beside, sizeof(beside), "%s.%d", path, getpid());
	umask(0);
	assert_int_equal(secrets_generate(&s, err), 0);
	assert_int_equal(secrets_write(path, &s, true, err), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(secrets_read(path, &got, err), 0);
	assert_memory_equal(&s, &got, sizeof(s));

	assert_int_equal(secrets_write(path, &s, true, err), -EEXIST);
	assert_int_equal(secrets_write(path, &s, false, err), 0);
	assert_int_equal(access(beside, F_OK), -1);

	assert_int_equal(chmod(path, 0640), 0);
	assert_int_equal(secrets_read(path, &got, err), -EPERM);
	assert_non_null(strstr(err, "chmod 600"));
	assert_int_equal(chmod(path, 0600), 0);
	if (!geteuid() && !chown(path, 65534, 65534)) {
		assert_int_equal(secrets_read(path, &got, err), -EPERM);
		assert_non_null(strstr(err, "chown root"));
	}
	assert_int_equal(secrets_read(folder, &got, err), -EPERM);
	assert_non_null(strstr(err, "regular file"));
	unlink(path);
	assert_int_equal(secrets_read(path, &got, err), -ENOENT);
	assert_int_equal(rmdir(folder), 0);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(good_texts),
	cmocka_unit_test(bad_texts),
	cmocka_unit_test(steps),
	cmocka_unit_test(a_third_is_refused),
	cmocka_unit_test(derivation_is_stable),
	cmocka_unit_test(files),
};

TEST_MAIN(tests)
