/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: command lines of `synkeeper` run in the test's own
 * process, held to their exit code and to every byte that they print. Control
 * socket and pin directory are in a new directory for each test.
 */
#ifndef RUNCMD_H
#define RUNCMD_H

#include "testmain.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <unistd.h>

#include "cmd.h"

enum { WORDS_MAX = 24 };

static char dir[] = "/tmp/synkeeper-cmd-XXXXXX";
static char path[sizeof(dir) + 16];

/* What asks the kernel about pins cannot be tested in qemu's user mode. */
static inline void skip_without_bpf(void)
{
	if (bpf_obj_get("/nonexistent") < 0 && errno == ENOSYS) {
		fputs("there is no bpf(2) here\n", stderr);
		skip();
	}
}

struct run {
	int code;
	char *out, *err;
};

/* Runs "service add x" as `synkeeper service add x`. */
static struct run run(const char *line, bool json)
{
	struct run r = {};
	struct cmd c = { .control = path, .pin_dir = dir, .json = json };
	char *words[WORDS_MAX], copy[256], *save, *word;
	size_t out_len, err_len;
	int n = 0;

	snprintf(copy, sizeof(copy), "%s", line);
	for (word = strtok_r(copy, " ", &save); word;
	     word = strtok_r(NULL, " ", &save))
		words[n++] = word;
	c.out = open_memstream(&r.out, &out_len);
	c.err = open_memstream(&r.err, &err_len);
	assert_non_null(c.out);
	assert_non_null(c.err);
	r.code = cmd_run(&c, n, words);
	fclose(c.out);
	fclose(c.err);
	return r;
}

static void run_free(struct run *r)
{
	free(r->out);
	free(r->err);
}

static void expect_run(const char *line, bool json, int code, const char *out,
		       const char *err)
{
	struct run r = run(line, json);

	if (r.code != code || strcmp(r.out, out) || strcmp(r.err, err))
		fail_msg("synkeeper %s: expected %d, \"%s\", \"%s\";"
			 " got %d, \"%s\", \"%s\"",
			 line, code, out, err, r.code, r.out, r.err);
	run_free(&r);
}

static int setup(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/control", dir);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	rmdir(dir);
	strcpy(dir + sizeof(dir) - 7, "XXXXXX"); /* for the next one */
	return 0;
}

#define CMD_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

#endif
