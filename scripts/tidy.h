/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: what clang-tidy cannot know from the libraries' headers.
 * cmocka's fail() does not return; without that, every check of a test is
 * followed by paths on which it failed. Only scripts/lint-tidy uses this file.
 */
_Noreturn void _fail(const char *file, int line);
