/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the main() of every cmocka test program. tests/run asks
 * with --list for the names and then runs each test in a process of its own:
 *
 *	PROGRAM			all tests
 *	PROGRAM --list		their names, a line each
 *	PROGRAM NAME		that one; exit code 0 passed, 77 skipped,
 *				else failed
 *
 * A test that finds a feature missing prints why to stderr and calls skip().
 */
#ifndef TESTMAIN_H
#define TESTMAIN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int test_main(int argc, char **argv, const struct CMUnitTest *tests,
		     size_t n)
{
	const struct CMUnitTest *one = NULL;
	size_t i;

	if (argc < 2)
		return _cmocka_run_group_tests(argv[0], tests, n, NULL, NULL);
	for (i = 0; i < n; i++) {
		if (!strcmp(argv[1], "--list"))
			puts(tests[i].name);
		else if (!strcmp(argv[1], tests[i].name))
			one = &tests[i];
	}
	if (!strcmp(argv[1], "--list"))
		return 0;
	if (!one) {
		fprintf(stderr, "%s: no test named %s\n", argv[0], argv[1]);
		return 2;
	}
	return _cmocka_run_group_tests(argv[0], one, 1, NULL, NULL);
}

#define TEST_MAIN(tests)                                              \
	int main(int argc, char **argv)                               \
	{                                                             \
		return test_main(argc, argv, tests,                   \
				 sizeof(tests) / sizeof((tests)[0])); \
	}

#endif
