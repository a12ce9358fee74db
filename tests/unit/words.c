/* SPDX-License-Identifier: GPL-2.0-only */
/* Theory of operation: values as users write them, valid and invalid ones. */
#include "testmain.h"

#include <errno.h>

#include "text/words.h"

static void durations(void **state)
{
	static const struct {
		const char *text;
		int ret;
		unsigned int ms;
	} rows[] = {
		{ "0s", 0, 0 },
		{ "1ms", 0, 1 },
		{ "60s", 0, 60000 },
		{ "90m", 0, 5400000 },
		{ "2h4m", 0, 7440000 },
		{ "1d", 0, 86400000 },
		{ "4294967295ms", 0, 4294967295U },
		{ "4294967296ms", -ERANGE },
		{ "49d17h2m47s295ms", 0, 4294967295U },
		{ "49d17h2m47s296ms", -ERANGE },
		{ "50d", -ERANGE },
		{ "18446744073709551617s", -ERANGE },
		{ "", -EINVAL },
		{ "60", -EINVAL },
		{ "s", -EINVAL },
		{ "-5s", -EINVAL },
		{ "+5s", -EINVAL },
		{ " 5s", -EINVAL },
		{ "5s ", -EINVAL },
		{ "5 s", -EINVAL },
		{ "1.5h", -EINVAL },
		{ "5S", -EINVAL },
		{ "5sec", -EINVAL },
		{ "2h4", -EINVAL },
		{ "4m2h", -EINVAL },
		{ "5s5s", -EINVAL },
		{ "5ss", -EINVAL },
		{ "50dx", -EINVAL },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unsigned int ms = 7;
		int ret = duration_parse(rows[i].text, &ms);

		if (ret != rows[i].ret || ms != (ret ? 7 : rows[i].ms))
			fail_msg("'%s': expected %d, %u ms, came %d, %u ms",
				 rows[i].text, rows[i].ret, rows[i].ms, ret,
				 ms);
	}
}

static void counts(void **state)
{
	static const struct {
		const char *text;
		int ret;
		unsigned int n;
	} rows[] = {
		{ "0", 0, 0 },
		{ "10", 0, 10 },
		{ "10k", 0, 10000 },
		{ "4M", 0, 4000000 },
		{ "4294967295", 0, 4294967295U },
		{ "4294967296", -ERANGE },
		{ "4294967k", 0, 4294967000U },
		{ "4294968k", -ERANGE },
		{ "4295M", -ERANGE },
		{ "18446744073709551617", -ERANGE },
		{ "", -EINVAL },
		{ "k", -EINVAL },
		{ "-1", -EINVAL },
		{ "+1", -EINVAL },
		{ "1K", -EINVAL },
		{ "1m", -EINVAL },
		{ "1kk", -EINVAL },
		{ "1.5k", -EINVAL },
		{ " 1", -EINVAL },
		{ "1 ", -EINVAL },
		{ "0x10", -EINVAL },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unsigned int n = 7;
		int ret = count_parse(rows[i].text, &n);

		if (ret != rows[i].ret || n != (ret ? 7 : rows[i].n))
			fail_msg("'%s': expected %d, %u, came %d, %u",
				 rows[i].text, rows[i].ret, rows[i].n, ret, n);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(durations),
	cmocka_unit_test(counts),
};

TEST_MAIN(tests)
