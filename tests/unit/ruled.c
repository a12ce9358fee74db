// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: what the maps route_rules and ruled_metrics have for
 * given rules and routes of IPv4; IPv6 differs in the length of its prefixes.
 */
#include <arpa/inet.h>
#include <linux/rtnetlink.h>

#include "testmain.h"

#include "kernel/metrics.h"
#include "kernel/ruled.h"

enum { MAPPED = 32 + 96 };

static struct route to_net(const char *net, __u8 len, __u8 rule, __u16 advmss)
{
	struct route r = {
		.len = len, .type = RTN_UNICAST, .rule = rule, .advmss = advmss
	};

	assert_int_equal(inet_pton(AF_INET, net, r.dst), 1);
	return r;
}

static const struct routing no_rules = { .complete = true,
					 .plain_rules = true };

static struct routing routing_of(struct route *routes, size_t n,
				 const struct rule *rules, size_t n_rules)
{
	struct routing r = { .complete = true, .ruled = routes, .n_ruled = n };

	memcpy(r.rules.all, rules, n_rules * sizeof(*rules));
	r.rules.n = n_rules;
	return r;
}

#define ANY .port_max = 65535

static void rules_and_routes(void **state)
{
	const struct rule rules[] = {
		{ .from = { 192, 0, 2, 1 },
		  .from_len = 32,
		  .port_min = 80,
		  .port_max = 90,
		  .table = 100,
		  .suppress = -1 },
		{ ANY, .to = { 10, 1, 2, 3 }, .to_len = 8, .table = 254,
		  .suppress = 0 },
		{ ANY, .table = 254, .suppress = -1 },
		{ ANY, .table = 100, .suppress = -1 },
	};
	struct route routes[] = {
		to_net("10.0.0.0", 8, 0, 1200),
		to_net("10.0.0.0", 8, 0, 1000), /* the second is not used */
		to_net("10.1.0.0", 16, 0, 0),
		to_net("0.0.0.0", 0, 2, 0),
	};
	struct routing v4 = routing_of(routes, 4, rules, 4);
	const struct route_rules *got;
	struct ruled_list l;

	(void)state;
	routes[2].type = RTN_THROW;
	assert_int_equal(ruled_choose(&v4, &no_rules, &l), 0);
	got = &l.rules[0];
	assert_int_equal(got->n, 4);
	assert_int_equal(l.rules[1].n, 0);
	assert_int_equal(got->all[0].server[3], inet_addr("192.0.2.1"));
	assert_int_equal(got->all[0].server_mask[3], 0xffffffff);
	assert_int_equal(got->all[0].port_min, 80);
	assert_int_equal(got->all[0].port_max, 90);
	/* bits behind the prefix do not count; the rest is not looked at */
	assert_int_equal(got->all[1].client[3], inet_addr("10.0.0.0"));
	assert_int_equal(got->all[1].client_mask[3], inet_addr("255.0.0.0"));
	assert_int_equal(got->all[1].client_mask[2], 0);
	/* the same table, but not the same routes of it */
	assert_int_equal(got->all[1].leads, 1);
	assert_int_equal(got->all[2].leads, 2);
	assert_int_equal(got->all[3].leads, 0);

	assert_int_equal(l.n, 3);
	assert_int_equal(l.all[0].to.prefixlen, MAPPED);
	assert_int_equal(l.all[0].to.leads, 2);
	assert_int_equal(l.all[1].to.prefixlen, MAPPED + 8);
	assert_int_equal(l.all[1].says.mss, 1200);
	assert_int_equal(l.all[1].says.next, 0);
	assert_int_equal(l.all[2].to.prefixlen, MAPPED + 16);
	assert_int_equal(l.all[2].says.next, 1);
	ruled_free(&l);
}

static void nothing_without_metrics(void **state)
{
	const struct rule any = { ANY, .table = 100, .suppress = -1 };
	struct route route = to_net("10.0.0.0", 8, 0, 0);
	struct routing v4 = routing_of(&route, 1, &any, 1);
	struct ruled_list l;

	(void)state;
	assert_int_equal(ruled_choose(&v4, &no_rules, &l), 0);
	assert_int_equal(l.n + l.rules[0].n, 0);
	ruled_free(&l);
	route.advmss = 1200;
	v4.rules.unknown = "a mark";
	assert_string_equal(metrics_ignored(&v4), "a mark");
	assert_int_equal(ruled_choose(&v4, &no_rules, &l), 0);
	assert_int_equal(l.n + l.rules[0].n, 0);
	ruled_free(&l);
}

/* The parts of both families are in one map. */
static void families_are_apart(void **state)
{
	const struct rule any = { ANY, .table = 100, .suppress = -1 };
	struct route four = to_net("10.0.0.0", 8, 0, 1200);
	struct route six = { .dst = { 0x20, 1 }, .len = 16, .window = 3000 };
	struct routing v4 = routing_of(&four, 1, &any, 1);
	struct routing v6 = routing_of(&six, 1, &any, 1);
	struct ruled_list l;

	(void)state;
	assert_int_equal(ruled_choose(&v4, &v6, &l), 0);
	assert_int_equal(l.n, 2);
	assert_int_not_equal(l.rules[0].all[0].leads, l.rules[1].all[0].leads);
	assert_int_equal(l.all[0].to.leads, l.rules[1].all[0].leads);
	assert_int_equal(l.all[0].to.prefixlen, 32 + 16);
	assert_true(ruled_bound_window(&l));
	ruled_free(&l);
	assert_int_equal(ruled_choose(&v4, &no_rules, &l), 0);
	assert_false(ruled_bound_window(&l));
	ruled_free(&l);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(rules_and_routes),
	cmocka_unit_test(nothing_without_metrics),
	cmocka_unit_test(families_are_apart),
};

TEST_MAIN(tests)
