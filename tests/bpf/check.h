/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: cmocka for the files shared by the tests; a test program
 * itself includes tests/lib/testmain.h.
 */
#ifndef TESTS_BPF_CHECK_H
#define TESTS_BPF_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#endif
