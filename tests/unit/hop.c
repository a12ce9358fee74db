// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: what is concluded from routes. Each row is a routing
 * table as `ip route` shows it, a route a line, with devices as numbers:
 * "default via 192.0.2.1 dev 2 metric 100". Compared is the gateway, "" if the
 * kernel must be asked always, and for how many prefixes it must.
 */
#include <arpa/inet.h>
#include <linux/rtnetlink.h>

#include "testmain.h"

#include "kernel/hop.h"

enum { DEVICE = 2, LISTED_MAX = 32 };

static void read_addr(const char *text, int family, __u8 ret[16])
{
	if (inet_pton(family, text, ret) != 1)
		fail_msg("no address: %s", text);
}

static void read_word(struct route *r, int family, const char *key,
		      const char *value)
{
	if (!strcmp(key, "via")) {
		r->via_family = (__u8)family;
		read_addr(value, family, r->via);
	} else if (!strcmp(key, "dev")) {
		r->device = atoi(value);
	} else if (!strcmp(key, "metric")) {
		r->priority = (__u32)atoi(value);
	} else if (!strcmp(key, "proto")) {
		r->protocol = strcmp(value, "ra") ? RTPROT_KERNEL : RTPROT_RA;
	} else {
		fail_msg("no such word: %s", key);
	}
}

static void read_route(char *line, int family, struct route *r)
{
	char *at, *key, *value, *first = strtok_r(line, " ", &at), *slash;

	*r = (struct route){ .type = RTN_UNICAST };
	if (!strcmp(first, "blackhole")) {
		r->type = RTN_BLACKHOLE;
		first = strtok_r(NULL, " ", &at);
	} else if (!strcmp(first, "dead")) {
		r->odd = true;
		first = strtok_r(NULL, " ", &at);
	}
	if (strcmp(first, "default")) {
		slash = strchr(first, '/');
		*slash = '\0';
		read_addr(first, family, r->dst);
		r->len = (__u8)atoi(slash + 1);
	}
	while ((key = strtok_r(NULL, " ", &at)) &&
	       (value = strtok_r(NULL, " ", &at)))
		read_word(r, family, key, value);
}

static void read_table(const char *text, int family, struct routing *ret)
{
	static struct route routes[LISTED_MAX];
	char copy[2048], *at, *line;

	*ret = (struct routing){ .routes = routes,
				 .complete = true,
				 .plain_rules = true };
	snprintf(copy, sizeof(copy), "%s", text);
	for (line = strtok_r(copy, "\n", &at); line;
	     line = strtok_r(NULL, "\n", &at))
		read_route(line, family, &routes[ret->n++]);
}

struct row {
	const char *table;
	const char *gateway;
	int prefixes;
	int family; /* 0: AF_INET */
};

static const struct row gateway_rows[] = {
	{ "", "" },
	{ "192.0.2.0/24 dev 2", "" },
	{ "default via 192.0.2.1 dev 2", "192.0.2.1", 0 },
	{ "default via 192.0.2.1 dev 2\n192.0.2.0/24 dev 2", "192.0.2.1", 1 },
	/* whatever else there is: the kernel is asked about it */
	{ "default via 192.0.2.1 dev 2\n192.0.2.0/24 dev 2\n"
	  "172.17.0.0/16 dev 9\nblackhole 203.0.113.0/24\n"
	  "198.51.100.0/24 via 192.0.2.9 dev 2",
	  "192.0.2.1", 4 },
	/* one within another, in both orders */
	{ "default via 192.0.2.1 dev 2\n10.0.0.0/8 dev 3\n"
	  "10.1.0.0/16 dev 2",
	  "192.0.2.1", 1 },
	{ "default via 192.0.2.1 dev 2\n10.1.0.0/16 dev 2\n"
	  "10.2.0.0/16 dev 2\n10.0.0.0/8 dev 3",
	  "192.0.2.1", 1 },
	/* the best default decides */
	{ "default via 192.0.2.1 dev 2 metric 100\n"
	  "default via 192.0.2.9 dev 3 metric 200",
	  "192.0.2.1", 0 },
	{ "default via 192.0.2.9 dev 3 metric 200\n"
	  "default via 192.0.2.1 dev 2 metric 100",
	  "192.0.2.1", 0 },
	{ "default via 192.0.2.1 dev 2 metric 300\n"
	  "default via 192.0.2.9 dev 3 metric 200",
	  "" },
	{ "default via 192.0.2.1 dev 2\ndefault via 192.0.2.9 dev 2", "" },
	{ "default dev 2", "" },
	{ "default via 192.0.2.1 dev 3", "" },
	{ "default via 192.0.2.1", "" }, /* several paths */
	{ "dead default via 192.0.2.1 dev 2", "" },
	{ "blackhole default", "" },
	/* halves of everything leave nothing for the gateway */
	{ "default via 192.0.2.1 dev 2\n0.0.0.0/1 dev 5\n"
	  "128.0.0.0/1 dev 5",
	  "192.0.2.1", 2 },
	/* nine are too many, eight are not */
	{ "default via 192.0.2.1 dev 2\n10.1.0.0/16 dev 2\n"
	  "10.2.0.0/16 dev 2\n10.3.0.0/16 dev 2\n10.4.0.0/16 dev 2\n"
	  "10.5.0.0/16 dev 2\n10.6.0.0/16 dev 2\n10.7.0.0/16 dev 2\n"
	  "10.8.0.0/16 dev 2",
	  "192.0.2.1", 8 },
	{ "default via 192.0.2.1 dev 2\n10.1.0.0/16 dev 2\n"
	  "10.2.0.0/16 dev 2\n10.3.0.0/16 dev 2\n10.4.0.0/16 dev 2\n"
	  "10.5.0.0/16 dev 2\n10.6.0.0/16 dev 2\n10.7.0.0/16 dev 2\n"
	  "10.8.0.0/16 dev 2\n10.9.0.0/16 dev 2",
	  "" },
	{ "default via fe80::1 dev 2 proto ra\n2001:db8::/64 dev 2\n"
	  "fe80::/64 dev 2\nff00::/8 dev 2",
	  "fe80::1", 1, AF_INET6 },
	/* longer ones count as the /64 that they are in */
	{ "default via fe80::1 dev 2\n2001:db8::1/128 dev 2\n"
	  "2001:db8::2/127 dev 2",
	  "fe80::1", 1, AF_INET6 },
};

static void one_gateway(void **state)
{
	char got[INET6_ADDRSTRLEN];
	unsigned bad = 0;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(gateway_rows) / sizeof(gateway_rows[0]); i++) {
		int family = gateway_rows[i].family ? gateway_rows[i].family
						    : AF_INET;
		const struct route *r;
		struct routing routing;
		struct next_hop hop;

		read_table(gateway_rows[i].table, family, &routing);
		r = hop_choose(&routing, (__u8)family, DEVICE, &hop);
		got[0] = '\0';
		if (r)
			inet_ntop(family, r->via, got, sizeof(got));
		if (!strcmp(got, gateway_rows[i].gateway) &&
		    hop.n == gateway_rows[i].prefixes &&
		    hop.kind == (r ? HOP_USUAL : HOP_ROUTED))
			continue;
		print_error("%s\n\texpected gateway \"%s\", %d prefixes; got "
			    "\"%s\", %d\n",
			    gateway_rows[i].table, gateway_rows[i].gateway,
			    gateway_rows[i].prefixes, got, hop.n);
		bad++;
	}
	assert_int_equal(bad, 0);
}

static void not_so_simple(void **state)
{
	struct routing r;
	struct next_hop hop;

	(void)state;
	read_table("default via 192.0.2.1 dev 2", AF_INET, &r);
	assert_non_null(hop_choose(&r, AF_INET, DEVICE, &hop));
	r.plain_rules = false;
	assert_null(hop_choose(&r, AF_INET, DEVICE, &hop));
	r.plain_rules = true;
	r.complete = false;
	assert_null(hop_choose(&r, AF_INET, DEVICE, &hop));
}

static void prefixes_are_bytes_of_the_wire(void **state)
{
	static const __u8 net[16] = { 192, 0, 2, 128 },
			  mask[8] = { 255, 255, 255, 128 };
	struct routing r;
	struct next_hop hop;

	(void)state;
	read_table("default via 192.0.2.1 dev 2\n192.0.2.128/25 dev 2", AF_INET,
		   &r);
	assert_non_null(hop_choose(&r, AF_INET, DEVICE, &hop));
	assert_memory_equal(&hop.prefixes[0].net, net, 8);
	assert_memory_equal(&hop.prefixes[0].mask, mask, 8);
}

static void lo_may_forward(void **state)
{
	static const struct {
		const char *table;
		bool needed, may;
	} rows[] = {
		{ "", false, true },
		{ "fe80::/64 dev 2\nff00::/8 dev 2", false, true },
		{ "2001:db8::/64 dev 2", true, true },
		{ "default via fe80::1 dev 2", true, true },
		{ "default via fe80::1 dev 2 proto ra", true, false },
		{ "2001:db8::/64 dev 2 proto ra", true, true },
		/* the anycast address of lo's prefix would be answered for */
		{ "2001:db8:80::/64 dev 1", true, false },
		{ "2001:db8:80::1/128 dev 1", true, true },
	};
	struct routing r;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		read_table(rows[i].table, AF_INET6, &r);
		if (hop_is_needed(&r, AF_INET6) != rows[i].needed ||
		    hop_may_forward6(&r) != rows[i].may)
			fail_msg("%s: expected needed %d, may %d",
				 rows[i].table, rows[i].needed, rows[i].may);
	}
	r.complete = false;
	assert_false(hop_may_forward6(&r));
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(one_gateway),
	cmocka_unit_test(not_so_simple),
	cmocka_unit_test(prefixes_are_bytes_of_the_wire),
	cmocka_unit_test(lo_may_forward),
};

TEST_MAIN(tests)
