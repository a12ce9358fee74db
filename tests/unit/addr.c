// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: tables of ways to write an address and port, with the
 * expected result or the exact error message.
 */
#include "testmain.h"

#include <arpa/inet.h>
#include <errno.h>

#include "text/addr.h"

#define PORT_RANGE "port must be 1 to 65535"
#define NO_PORT                                     \
	"port missing: write it as 192.0.2.1:443, " \
	"[2001:db8::1]:443 or *:443"
#define NOT_V4                                             \
	"not an IPv4 address: four numbers from 0 to 255 " \
	"without leading zeros"
#define NOT_V6	 "not an IPv6 address: write it as [2001:db8::1]:443"
#define BRACKETS "IPv6 is written in brackets: [2001:db8::1]:443"
#define NO_NAME                                            \
	"not an address (names are not looked up): write " \
	"192.0.2.1:443, [2001:db8::1]:443 or *:443"
#define ANY	     "for any address write *:PORT, such as *:443"
#define SCOPE	     "scope ids are not supported: leave out the % and what follows it"
#define NOT_A_SERVER "not an address that a TCP server can have"

static const struct {
	const char *text, *canonical;
} good[] = {
	{ "192.0.2.1:443", "192.0.2.1:443" },
	{ "192.0.2.1:1", "192.0.2.1:1" },
	{ "192.0.2.255:65535", "192.0.2.255:65535" },
	{ "127.0.0.1:80", "127.0.0.1:80" },
	{ "*:443", "*:443" },
	{ "[2001:db8::1]:443", "[2001:db8::1]:443" },
	{ "[2001:DB8:0:0:0:0:0:1]:443", "[2001:db8::1]:443" },
	{ "[2001:0db8:0000:0000:0000:0000:0000:0001]:65535",
	  "[2001:db8::1]:65535" },
	{ "[::1]:22", "[::1]:22" },
	{ "[fe80::1]:80", "[fe80::1]:80" },
	{ "[::ffff:1.2.3.4]:80", "1.2.3.4:80" },
	{ "[::ffff:102:304]:80", "1.2.3.4:80" },
	{ "[64:ff9b::1.2.3.4]:80", "[64:ff9b::102:304]:80" },
	{ "[2001:db8:1111:2222:3333:4444:5555:6666]:65535",
	  "[2001:db8:1111:2222:3333:4444:5555:6666]:65535" },
};

static const struct {
	const char *text, *why;
} bad[] = {
	{ "", NO_PORT },
	{ "192.0.2.1", NO_PORT },
	{ "192.0.2.1:", NO_PORT },
	{ "*", NO_PORT },
	{ "*:", NO_PORT },
	{ "443", NO_PORT },
	{ "[2001:db8::1]", NO_PORT },
	{ "[2001:db8::1]:", NO_PORT },
	{ ":443", "address missing: write *:443 for any address" },
	{ "192.0.2.1:0", PORT_RANGE },
	{ "192.0.2.1:70000", PORT_RANGE },
	{ "192.0.2.1:65536", PORT_RANGE },
	{ "192.0.2.1:4294967739", PORT_RANGE },
	{ "192.0.2.1:18446744073709551616443", PORT_RANGE },
	{ "192.0.2.1:-1", PORT_RANGE },
	{ "192.0.2.1:+1", PORT_RANGE },
	{ "192.0.2.1:0443", PORT_RANGE },
	{ "192.0.2.1:0x50", PORT_RANGE },
	{ "192.0.2.1:443x", PORT_RANGE },
	{ "192.0.2.1:https", PORT_RANGE },
	{ "*:0", PORT_RANGE },
	{ "[2001:db8::1]:70000", PORT_RANGE },
	{ "192.0.2:443", NOT_V4 },
	{ "192.0.2.256:443", NOT_V4 },
	{ "192.0.02.1:443", NOT_V4 },
	{ "192.0.2.1.:443", NOT_V4 },
	{ "192.0.2.1.5:443", NOT_V4 },
	{ "3221225985:443", NOT_V4 },
	{ "192.0.2.1x:443", NO_NAME },
	{ "0xc0000201:443", NO_NAME },
	{ "192.0.2.0/24:443", NO_NAME },
	{ "localhost:443", NO_NAME },
	{ "www.example.com:443", NO_NAME },
	{ "http://192.0.2.1:443", NO_NAME },
	{ "**:443", NO_NAME },
	{ "2001:db8::1:443", BRACKETS },
	{ "2001:db8::1", BRACKETS },
	{ "::1", BRACKETS },
	{ ":::443", BRACKETS },
	{ "fe80::1%2:80", BRACKETS },
	{ "[fe80::1%eth0]:80", SCOPE },
	{ "[fe80::1%2]:80", SCOPE },
	{ "[]:443", NOT_V6 },
	{ "[2001:db8::1::2]:443", NOT_V6 },
	{ "[2001:db8::12345]:443", NOT_V6 },
	{ "[*]:443", NOT_V6 },
	{ "[example.com]:443", NOT_V6 },
	{ "[192.0.2.1]:443",
	  "IPv4 is written without brackets: 192.0.2.1:443" },
	{ "[2001:db8::1:443",
	  "closing bracket missing: write it as [2001:db8::1]:443" },
	{ "[2001:db8::1]443", "a colon goes between bracket and port: "
			      "[2001:db8::1]:443" },
	{ "0.0.0.0:443", ANY },
	{ "[::]:443", ANY },
	{ "[0:0:0:0:0:0:0:0]:443", ANY },
	{ "[::ffff:0.0.0.0]:443", ANY },
	{ "224.0.0.1:443", NOT_A_SERVER },
	{ "239.255.255.255:443", NOT_A_SERVER },
	{ "255.255.255.255:443", NOT_A_SERVER },
	{ "[ff02::1]:443", NOT_A_SERVER },
	{ "[::ffff:224.0.0.1]:443", NOT_A_SERVER },
	{ " 192.0.2.1:443", "one address:port at a time, without blanks" },
	{ "192.0.2.1:443 192.0.2.2:443",
	  "one address:port at a time, without blanks" },
	{ "1111111111111111111111111111111111111111111111111111111111111111111"
	  "1111111111111111111111:443",
	  "too long for an address and a port" },
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void test_good(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(good); i++) {
		struct listen l, again;
		char buf[LISTEN_STRLEN];
		const char *why;

		if (listen_parse(good[i].text, &l, &why))
			fail_msg("'%s': refused: %s", good[i].text, why);
		if (strcmp(listen_format(&l, buf), good[i].canonical) != 0)
			fail_msg("'%s': expected %s, came %s", good[i].text,
				 good[i].canonical, buf);
		if (listen_parse(buf, &again, &why) ||
		    !listen_equal(&l, &again))
			fail_msg("'%s': '%s' is read as another listen",
				 good[i].text, buf);
	}
}

static void test_bad(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(bad); i++) {
		const struct listen before = { { 1, 2, 3, 4 }, 5, false };
		struct listen l = before;
		const char *why = NULL;

		if (listen_parse(bad[i].text, &l, &why) != -EINVAL)
			fail_msg("'%s': taken", bad[i].text);
		if (!why || strcmp(why, bad[i].why) != 0)
			fail_msg("'%s': expected: %s\ncame: %s", bad[i].text,
				 bad[i].why, why ? why : "nothing");
		if (!listen_equal(&l, &before))
			fail_msg("'%s': the result was touched", bad[i].text);
	}
}

static void test_layout(void **state)
{
	struct listen l;
	const char *why;

	(void)state;
	assert_int_equal(listen_parse("192.0.2.1:443", &l, &why), 0);
	assert_int_equal(l.addr[0], 0);
	assert_int_equal(l.addr[1], 0);
	assert_int_equal(l.addr[2], htonl(0xffff));
	assert_int_equal(l.addr[3], htonl(0xc0000201));
	assert_int_equal(l.port, htons(443));
	assert_false(l.wildcard);

	assert_int_equal(listen_parse("*:8443", &l, &why), 0);
	assert_int_equal(l.addr[0] | l.addr[1] | l.addr[2] | l.addr[3], 0);
	assert_int_equal(l.port, htons(8443));
	assert_true(l.wildcard);
}

static void test_equal(void **state)
{
	static const char *const texts[] = { "192.0.2.1:443", "192.0.2.1:444",
					     "192.0.2.2:443", "*:443",
					     "[2001:db8::1]:443" };
	struct listen a, b;
	const char *why;
	size_t i, j;

	(void)state;
	for (i = 0; i < COUNT(texts); i++) {
		for (j = 0; j < COUNT(texts); j++) {
			assert_int_equal(listen_parse(texts[i], &a, &why), 0);
			assert_int_equal(listen_parse(texts[j], &b, &why), 0);
			if (listen_equal(&a, &b) != (i == j))
				fail_msg("%s and %s: equal is %d", texts[i],
					 texts[j], i != j);
		}
	}
}

static void expect_tuple(const char *client, const char *server,
			 const char *expected)
{
	char buf[TUPLE_STRLEN];
	struct listen c, s;
	struct tuple t;
	const char *why;

	assert_int_equal(listen_parse(client, &c, &why), 0);
	assert_int_equal(listen_parse(server, &s, &why), 0);
	memcpy(t.client, c.addr, sizeof(t.client));
	memcpy(t.server, s.addr, sizeof(t.server));
	t.client_port = c.port;
	t.server_port = s.port;
	assert_string_equal(tuple_format(&t, buf), expected);
}

static void test_tuple(void **state)
{
	(void)state;
	expect_tuple("198.51.100.7:40000", "192.0.2.1:443",
		     "198.51.100.7:40000 -> 192.0.2.1:443");
	expect_tuple("[2001:db8:1111:2222:3333:4444:5555:6666]:65535",
		     "[2001:db8:1111:2222:3333:4444:5555:7777]:65535",
		     "[2001:db8:1111:2222:3333:4444:5555:6666]:65535 -> "
		     "[2001:db8:1111:2222:3333:4444:5555:7777]:65535");
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_good),   cmocka_unit_test(test_bad),
	cmocka_unit_test(test_layout), cmocka_unit_test(test_equal),
	cmocka_unit_test(test_tuple),
};

TEST_MAIN(tests)
