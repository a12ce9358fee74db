// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: invalid filters, each with the exact error message.
 */
#include "filterline.h"

#include <errno.h>

#define PREFIX_HINT                                                     \
	"give an address or prefix such as 192.0.2.1, 192.0.2.0/24 or " \
	"2001:db8::/32"
#define PORTS_HINT "give a port or a range such as 443 or 1024-2047"
#define TIME_HINT  "give a minimum such as 90s or 5m, or a range, 30s-5m"
#define STATES_HINT                                                      \
	"states are opening, pending, established, half-closed-client, " \
	"half-closed-server, half-closed, closing, live, time-wait"
#define WORDS_HINT \
	"filters are src, dst, sport, dport, state, age, idle, service"

static const struct {
	const char *line, *err;
} refused[] = {
	{ "foo", "'foo': " WORDS_HINT },
	{ "foo bar", "'foo': " WORDS_HINT },
	{ "_ 192.0.2.1", "'': " WORDS_HINT },
	{ "sr 192.0.2.1", "'sr': did you mean 'src'?" },
	{ "SRC 192.0.2.1", "'SRC': did you mean 'src'?" },
	{ "192.0.2.1", "'192.0.2.1': " WORDS_HINT },
	{ "src 192.0.2.1 192.0.2.2 dst", "'192.0.2.2': " WORDS_HINT },
	{ "src", "src has no value: " PREFIX_HINT },
	{ "src _", "src has no value: " PREFIX_HINT },
	{ "dst", "dst has no value: " PREFIX_HINT },
	{ "dport 443 sport", "sport has no value: " PORTS_HINT },
	{ "dport _", "dport has no value: " PORTS_HINT },
	{ "state", "state has no value: " STATES_HINT },
	{ "age", "age has no value: " TIME_HINT },
	{ "idle _", "idle has no value: " TIME_HINT },
	{ "service", "service has no value: give its address:port or its "
		     "name" },
	{ "service _", "service has no value: give its address:port or its "
		       "name" },
	{ "src 192.0.2.1 src 192.0.2.2", "src is given twice" },
	{ "state live age 5m state live", "state is given twice" },
	{ "src 192.0.2.1 dst 192.0.2.1 sport 1 dport 1 state live age 1s "
	  "idle 1s service a src 192.0.2.1",
	  "src is given twice" },
	{ "src 192.0.2", "src '192.0.2': " PREFIX_HINT },
	{ "src 192.0.2.1:80", "src '192.0.2.1:80': " PREFIX_HINT },
	{ "src [2001:db8::1]", "src '[2001:db8::1]': " PREFIX_HINT },
	{ "src localhost", "src 'localhost': " PREFIX_HINT },
	{ "src *", "src '*': " PREFIX_HINT },
	{ "src /24", "src '/24': " PREFIX_HINT },
	{ "src 192.0.2.0/", "src '192.0.2.0/': " PREFIX_HINT },
	{ "src 192.0.2.0/33", "src '192.0.2.0/33': " PREFIX_HINT },
	{ "src 192.0.2.0/-1", "src '192.0.2.0/-1': " PREFIX_HINT },
	{ "src 192.0.2.0/024", "src '192.0.2.0/024': " PREFIX_HINT },
	{ "src 192.0.2.0/24/1", "src '192.0.2.0/24/1': " PREFIX_HINT },
	{ "src 192.0.2.0/24x", "src '192.0.2.0/24x': " PREFIX_HINT },
	{ "src 192.0.2.0/255.255.255.0",
	  "src '192.0.2.0/255.255.255.0': " PREFIX_HINT },
	{ "dst 2001:db8::/129", "dst '2001:db8::/129': " PREFIX_HINT },
	{ "dst 2001:db8::%eth0", "dst '2001:db8::%eth0': " PREFIX_HINT },
	{ "src 192.0.2.1/24",
	  "src '192.0.2.1/24': host bits are set: write 192.0.2.0/24" },
	{ "src 192.0.2.1/0",
	  "src '192.0.2.1/0': host bits are set: write 0.0.0.0/0" },
	{ "dst 2001:db8::1/32",
	  "dst '2001:db8::1/32': host bits are set: write 2001:db8::/32" },
	{ "dst ::ffff:192.0.2.1/120",
	  "dst '::ffff:192.0.2.1/120': host bits are set: write 192.0.2.0/24" },
	{ "sport 65536", "sport '65536': " PORTS_HINT },
	{ "sport 0443", "sport '0443': " PORTS_HINT },
	{ "sport -1", "sport '-1': " PORTS_HINT },
	{ "sport 1-", "sport '1-': " PORTS_HINT },
	{ "sport 2-1", "sport '2-1': " PORTS_HINT },
	{ "sport 1-2-3", "sport '1-2-3': " PORTS_HINT },
	{ "sport 1:2", "sport '1:2': " PORTS_HINT },
	{ "dport https", "dport 'https': " PORTS_HINT },
	{ "dport 4294967739", "dport '4294967739': " PORTS_HINT },
	{ "state free", "state 'free': " STATES_HINT },
	{ "state Established", "state 'Established': " STATES_HINT },
	{ "state estab", "state 'estab': " STATES_HINT },
	{ "state ,", "state ',': " STATES_HINT },
	{ "state live,", "state 'live,': " STATES_HINT },
	{ "state live,dead", "state 'live,dead': " STATES_HINT },
	{ "age 5", "age '5': " TIME_HINT },
	{ "age m", "age 'm': " TIME_HINT },
	{ "age 5m-", "age '5m-': " TIME_HINT },
	{ "age 5m-30s", "age '5m-30s': " TIME_HINT },
	{ "age 1s-2s-3s", "age '1s-2s-3s': " TIME_HINT },
	{ "age 50d", "age '50d': at most 49 days" },
	{ "idle 1s-50d", "idle '1s-50d': at most 49 days" },
	{ "service 192.0.2.1:0",
	  "service '192.0.2.1:0': port must be 1 to 65535" },
	{ "service *:", "service '*:': port missing: write it as "
			"192.0.2.1:443, [2001:db8::1]:443 or *:443" },
	{ "service we/b", "service 'we/b': a service name has only "
			  "letters, digits, '-', '_' and '.'" },
	{ "service abcdefghijklmnopqrstuvwxyz012345",
	  "service 'abcdefghijklmnopqrstuvwxyz012345': a service name has at "
	  "most 31 characters" },
};

static void refusals_name_the_word(void **state)
{
	unsigned char before[sizeof(struct filter)];
	struct filter f;
	size_t i;

	(void)state;
	memset(before, 0x5a, sizeof(before));
	for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		char err[FILTER_ERR_MAX] = "";
		int ret;

		memcpy(&f, before, sizeof(f));
		ret = filter_of(refused[i].line, &f, err);
		if (ret != -EINVAL || strcmp(err, refused[i].err))
			fail_msg("\"%s\": expected %d, \"%s\", got %d, \"%s\"",
				 refused[i].line, -EINVAL, refused[i].err, ret,
				 err);
		if (memcmp((unsigned char *)&f, before, sizeof(f)))
			fail_msg("\"%s\": the filter was changed",
				 refused[i].line);
	}
}

static void long_values_are_cut_in_the_line(void **state)
{
	char value[2000], err[FILTER_ERR_MAX];
	const char *words[] = { "src", value };
	struct filter f;

	(void)state;
	memset(value, '1', sizeof(value));
	value[sizeof(value) - 1] = '\0';
	assert_int_equal(filter_parse(words, 2, &f, err), -EINVAL);
	if (strncmp(err, "src '1111", 9) || !strstr(err, "1': " PREFIX_HINT))
		fail_msg("expected the word and the hint, got \"%s\"", err);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(refusals_name_the_word),
	cmocka_unit_test(long_values_are_cut_in_the_line),
};

TEST_MAIN(tests)
