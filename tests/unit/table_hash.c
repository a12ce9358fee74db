/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the session table's hash must distribute the tuples of
 * real traffic and attacks over sets and tags as evenly as a random function,
 * whatever its secret. Measured by chi-square; the secrets are random, but the
 * same in every run.
 */
#include "testmain.h"

#include "random.h"
#include "synkeeper/session_table.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Traffic: the @n-th tuple of a kind. */
typedef struct tuple (*traffic_fn)(uint32_t n);

static struct tuple tuple_v4(uint32_t client, uint16_t port, uint32_t server,
			     uint16_t service)
{
	struct tuple t = { .client_port = htobe16(port),
			   .server_port = htobe16(service) };

	t.client[2] = t.server[2] = htobe32(0xffff);
	t.client[3] = htobe32(client);
	t.server[3] = htobe32(server);
	return t;
}

static struct tuple tuple_v6(uint64_t net, uint64_t host, uint16_t port)
{
	struct tuple t = { .client_port = htobe16(port),
			   .server_port = htobe16(443) };

	t.client[0] = htobe32(net >> 32);
	t.client[1] = htobe32(net);
	t.client[2] = htobe32(host >> 32);
	t.client[3] = htobe32(host);
	t.server[0] = htobe32(0x20010db8);
	t.server[3] = htobe32(1);
	return t;
}

static struct tuple random_sources(uint32_t n)
{
	struct random r = { n };

	return tuple_v4(random_u32(&r), random_u32(&r), 0xc0000201, 443);
}

static struct tuple one_network_one_port(uint32_t n)
{
	return tuple_v4(0x0a000000 + n, 40000, 0xc0000201, 443);
}

static struct tuple every_port_of_a_few(uint32_t n)
{
	return tuple_v4(0xc6336401 + (n >> 16), n, 0xc0000201, 443);
}

static struct tuple networks_far_apart(uint32_t n)
{
	return tuple_v4(n << 14 | 1, 1024 + (n & 7), 0xc0000201, 443);
}

/* A load balancer: a few ports to each of many servers and services. */
static struct tuple many_servers(uint32_t n)
{
	return tuple_v4(0xc6336401, 1024 + (n & 63), 0x0a000000 + (n >> 10),
			8000 + (n >> 6 & 15));
}

static struct tuple random_sources_v6(uint32_t n)
{
	struct random r = { n };
	uint64_t net = random_u64(&r), host = random_u64(&r);

	return tuple_v6(net, host, random_u32(&r));
}

static struct tuple one_network_v6(uint32_t n)
{
	return tuple_v6(0x20010db800010002, n, 40000);
}

static struct tuple many_networks_v6(uint32_t n)
{
	return tuple_v6(0x20010db800000000 + n, 1, 40000);
}

static struct tuple upper_host_words_v6(uint32_t n)
{
	return tuple_v6(0x20010db800010002, (uint64_t)n << 32 | 1, 40000);
}

static const struct {
	const char *name;
	traffic_fn fn;
} traffics[] = {
	{ "random sources", random_sources },
	{ "one network, one port", one_network_one_port },
	{ "every port of a few clients", every_port_of_a_few },
	{ "networks far apart", networks_far_apart },
	{ "many servers and services", many_servers },
	{ "IPv6, random sources", random_sources_v6 },
	{ "IPv6, one network", one_network_v6 },
	{ "IPv6, many networks", many_networks_v6 },
	{ "IPv6, upper host words", upper_host_words_v6 },
};

enum {
	SEEDS = 16,
	SETS = 4096,
	TUPLES = SETS * SET_WAYS,
};

static struct settings settings_new(uint64_t seed)
{
	struct random r = { seed };
	struct settings cfg = {
		.hash_seed = random_u64(&r),
		.hash_mul = random_u64(&r) | 1,
	};

	return cfg;
}

/* Over @n cells, each with its own expectation; 0: must stay empty. */
static double chi_square(const uint32_t *count, size_t n,
			 double (*expected)(size_t))
{
	double sum = 0;

	while (n--) {
		double e = expected(n);

		if (e > 0)
			sum += (count[n] - e) * (count[n] - e) / e;
		else if (count[n])
			return 1e9; /* endless */
	}
	return sum;
}

static size_t cell_set(const struct table_hash *h)
{
	return h->set % SETS;
}

static double expected_set(size_t cell)
{
	(void)cell;
	return (double)TUPLES / SETS;
}

/* Either byte of the tag and the lowest of the set must be independent. */
static size_t cell_low_tag(const struct table_hash *h)
{
	return h->set % 256 << 8 | h->tag % 256;
}

static size_t cell_high_tag(const struct table_hash *h)
{
	return h->set % 256 << 8 | h->tag / 256;
}

/* Tag 0 means free; what that takes from one cell of 65,536 is not seen. */
static double expected_tag(size_t cell)
{
	(void)cell;
	return TUPLES / 65536.0;
}

/* Chi-square of n cells has mean n and deviation sqrt(2n), by chance. */
static void judge(const char *name, const double *chi, size_t n)
{
	double most = 0;
	size_t i;

	for (i = 0; i < SEEDS; i++)
		most = chi[i] > most ? chi[i] : most;
	printf("%s: expected a chi-square near %zu, found at most %.0f\n", name,
	       n, most);
	if (most > n && (most - n) * (most - n) > 25 * 2.0 * n)
		fail_msg("%s: expected a chi-square within 5 deviations of "
			 "%zu for every seed, got %.0f",
			 name, n, most);
}

/* As many tuples as a table of 65,536 sessions has ways. */
static void spread(size_t cells, size_t (*cell)(const struct table_hash *),
		   double (*expected)(size_t))
{
	static uint32_t count[65536];
	uint32_t i, n, seed;
	double chi[SEEDS];

	for (i = 0; i < ARRAY_SIZE(traffics); i++) {
		for (seed = 0; seed < SEEDS; seed++) {
			struct settings cfg = settings_new(seed);

			memset(count, 0, sizeof(count));
			for (n = 0; n < TUPLES; n++) {
				struct tuple t = traffics[i].fn(n);
				struct table_hash h;

				table_hash(&cfg, &t, &h);
				count[cell(&h)]++;
			}
			chi[seed] = chi_square(count, cells, expected);
		}
		judge(traffics[i].name, chi, cells);
	}
}

static void sets_fill_evenly(void **state)
{
	(void)state;
	spread(SETS, cell_set, expected_set);
}

static void tags_spread_evenly(void **state)
{
	(void)state;
	spread(65536, cell_low_tag, expected_tag);
	spread(65536, cell_high_tag, expected_tag);
}

/*
 * Differences that cancel out for every secret would let anyone choose tuples
 * that share a set: the top bits of address and port.
 */
static void no_difference_cancels(void **state)
{
	uint32_t n, word, port, collisions;

	(void)state;
	for (word = 0; word < 8; word++) {
		for (port = 0; port < 32; port++) {
			collisions = 0;
			for (n = 0; n < 1000; n++) {
				struct random r = { n };
				struct settings cfg = settings_new(n);
				struct tuple a = random_tuple(&r, true), b = a;
				struct table_hash x, y;

				b.server[3] ^= 1U << (24 + word);
				if (port < 16)
					b.client_port ^= 1U << port;
				else
					b.server_port ^= 1U << (port - 16);
				table_hash(&cfg, &a, &x);
				table_hash(&cfg, &b, &y);
				collisions += x.set % SETS == y.set % SETS;
			}
			if (collisions > 20)
				fail_msg("server bit %u and port bit %u: "
					 "expected the same set in a few of "
					 "1000 secrets, got it in %u",
					 24 + word, port, collisions);
		}
	}
}

static void tag_is_never_zero(void **state)
{
	struct random r = { 4 };
	uint32_t n;

	(void)state;
	for (n = 0; n < 1000000; n++) {
		struct settings cfg = settings_new(n);
		struct tuple t = random_tuple(&r, n & 1);
		struct table_hash h;

		table_hash(&cfg, &t, &h);
		if (!h.tag)
			fail_msg("IPv%d tuple %u: expected a tag, got 0",
				 n & 1 ? 4 : 6, n);
	}
}

/* Lookups after a restart or on another CPU find the same entry. */
static void only_the_settings_decide(void **state)
{
	struct random r = { 5 };
	struct settings a = settings_new(1), b = a, c = a, d = a;
	uint32_t n, by_seed = 0, by_mul = 0;

	(void)state;
	c.hash_seed = random_u64(&r);
	d.hash_mul = random_u64(&r) | 1;
	b.flags = b.epoch = b.set_mask = ~0U;
	for (n = 0; n < 1000; n++) {
		struct tuple t = random_tuple(&r, n & 1);
		struct table_hash x, y, s, m;

		table_hash(&a, &t, &x);
		table_hash(&b, &t, &y);
		table_hash(&c, &t, &s);
		table_hash(&d, &t, &m);
		if (x.set != y.set || x.tag != y.tag)
			fail_msg("tuple %u in another epoch: expected set %08x "
				 "tag %02x, got set %08x tag %02x",
				 n, x.set, x.tag, y.set, y.tag);
		by_seed += x.set != s.set;
		by_mul += x.set != m.set;
	}
	if (by_seed < 990 || by_mul < 990)
		fail_msg("1000 tuples under another seed, another multiplier: "
			 "expected another set for nearly all, got it for %u "
			 "and %u",
			 by_seed, by_mul);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(sets_fill_evenly),
	cmocka_unit_test(tags_spread_evenly),
	cmocka_unit_test(no_difference_cancels),
	cmocka_unit_test(tag_is_never_zero),
	cmocka_unit_test(only_the_settings_decide),
};

TEST_MAIN(tests)
