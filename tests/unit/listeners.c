// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: which listener accepts a client, and what a group of
 * them (SO_REUSEPORT) amounts to. The lists are written down here, sorted by
 * port as listeners_read() leaves them.
 */
#include "testmain.h"

#include "owner/listeners.h"

enum { ONE = 0xc0000201 };

static __be16 port80(void)
{
	return htobe16(80);
}

/* On an IPv4 address, 0: any. */
static struct owner_socket listener4(__u32 addr)
{
	return (struct owner_socket){
		.tuple = { .server = { 0, 0, htobe32(0xffff), htobe32(addr) },
			   .server_port = port80() },
	};
}

static struct owner_socket listener6(void)
{
	return (struct owner_socket){ .tuple.server_port = port80(),
				      .v6 = true };
}

/* Two settings, and what suits the clients of both. */
static const struct {
	const char *what;
	struct listener_settings a, b, both;
} joined[] = {
	{ "nothing", {}, {}, {} },
	{ "MSS: the smaller",
	  { .mss = 1300 },
	  { .mss = 1200 },
	  { .mss = 1200 } },
	{ "MSS: none is no bound", { .mss = 1300 }, {}, { .mss = 1300 } },
	{ "TTL: the larger",
	  { .ttl = 255, .hop_limit = 100 },
	  { .ttl = 128, .hop_limit = 200 },
	  { .ttl = 255, .hop_limit = 200 } },
	{ "TTL: the host's reaches farther than 1",
	  { .ttl = 1, .hop_limit = 1 },
	  {},
	  {} },
	{ "TTL: 255 reaches farther than the host's",
	  { .ttl = 255, .hop_limit = 255 },
	  {},
	  { .ttl = 255, .hop_limit = 255 } },
	{ "TOS: any",
	  { .tos = 0xb8, .tclass = 0x48 },
	  {},
	  { .tos = 0xb8, .tclass = 0x48 } },
	{ "deferred: only if both are", { .defer = 3 }, {}, {} },
	{ "deferred: both", { .defer = 3 }, { .defer = 2 }, { .defer = 2 } },
	{ "buffer: as large as it may grow where one may",
	  { .rcvbuf_locked = 1 },
	  {},
	  {} },
	{ "ECN: what either needs", { .needs_ecn = 1 }, {}, { .needs_ecn = 1 } },
	{ "window: the smaller",
	  { .window_clamp = 5000, .rcvbuf_locked = 1 },
	  { .window_clamp = 4000, .rcvbuf_locked = 1 },
	  { .window_clamp = 4000, .rcvbuf_locked = 1 } },
	{ "window: none is no bound",
	  { .window_clamp = 5000 },
	  {},
	  { .window_clamp = 5000 } },
	{ "what is lost: by either",
	  { .save_syn = 1, .min_ttl = 5 },
	  { .filter = 1, .fast_open = 1, .min_hop_limit = 7 },
	  { .save_syn = 1,
	    .min_ttl = 5,
	    .filter = 1,
	    .fast_open = 1,
	    .min_hop_limit = 7 } },
};

static void group_suits_all(void **state)
{
	unsigned i, bad = 0;

	(void)state;
	for (i = 0; i < 2 * sizeof(joined) / sizeof(joined[0]); i++) {
		bool turned = i & 1;
		struct listener_settings group = turned ? joined[i / 2].b
							: joined[i / 2].a;

		listeners_join(&group,
			       turned ? &joined[i / 2].a : &joined[i / 2].b);
		if (memcmp(&group, &joined[i / 2].both, sizeof(group))) {
			fprintf(stderr, "%s%s: joined otherwise\n",
				joined[i / 2].what, turned ? ", turned" : "");
			bad++;
		}
	}
	assert_int_equal(bad, 0);
}

static void group_is_of_one_address(void **state)
{
	struct owner_socket sockets[] = { listener4(0), listener4(ONE),
					  listener4(ONE) };
	const struct listeners l = { sockets, 3 };
	struct owner_socket group;
	__be16 port = port80();

	(void)state;
	sockets[0].settings.mss = 1000;
	sockets[1].settings.mss = 1300;
	sockets[1].rcvbuf = 9000;
	sockets[2].settings.mss = 1200;
	sockets[2].md5 = true;
	assert_true(listeners_exact(&l, sockets[1].tuple.server, port, &group));
	assert_int_equal(group.settings.mss, 1200);
	assert_true(group.md5);
	assert_int_equal(group.rcvbuf, 9000);
	assert_true(listeners_wildcard(&l, port, true, &group));
	assert_int_equal(group.settings.mss, 1000);
	assert_false(listeners_wildcard(&l, port, false, &group));
}

/* An IPv4 wildcard listener goes before a dual-stack one. */
static void wildcard_of_each_family(void **state)
{
	struct owner_socket sockets[] = { listener6(), listener4(0) };
	struct listeners l = { sockets, 2 };
	struct owner_socket group;
	__be16 port = port80();

	(void)state;
	sockets[0].settings.ttl = 20;
	sockets[0].settings.hop_limit = 30;
	sockets[1].settings.ttl = 40;
	assert_true(listeners_wildcard(&l, port, true, &group));
	assert_int_equal(group.settings.ttl, 40);
	assert_true(listeners_wildcard(&l, port, false, &group));
	assert_int_equal(group.settings.hop_limit, 30);
	l.n = 1;
	assert_true(listeners_wildcard(&l, port, true, &group));
	assert_int_equal(group.settings.ttl, 20);
	sockets[0].v6only = true;
	assert_false(listeners_wildcard(&l, port, true, &group));
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(group_suits_all),
	cmocka_unit_test(group_is_of_one_address),
	cmocka_unit_test(wildcard_of_each_family),
};

TEST_MAIN(tests)
