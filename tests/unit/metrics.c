// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: what the map route_metrics has for given routes. Each
 * row is a routing table per family, a route a line: "10.0.0.0/8 advmss 1200
 * metric 5", "dead" in front of one that leads nowhere. Compared is the list as
 * text, "10.0.0.0/8 1200/0" for MSS and hop limit, then what else is said:
 * "rwnd 20", "window 3000 scale 0", "ecn"; IPv4 comes as ::ffff:a.b.c.d with
 * the length of the mapped prefix.
 */
#include <arpa/inet.h>
#include <linux/rtnetlink.h>

#include "testmain.h"

#include "kernel/metrics.h"

enum { TABLE_MAX = 32, TEXT_MAX = 1024 };

static void read_word(struct route *r, const char *key, long value)
{
	if (!strcmp(key, "metric"))
		r->priority = (__u32)value;
	else if (!strcmp(key, "advmss"))
		r->advmss = (__u16)value;
	else if (!strcmp(key, "mtu"))
		r->mtu = (__u16)value;
	else if (!strcmp(key, "hoplimit"))
		r->hop_limit = (__u8)value;
	else if (!strcmp(key, "initrwnd"))
		r->initrwnd = (__u16)value;
	else if (!strcmp(key, "window"))
		r->window = (__u32)value;
	else if (!strcmp(key, "ecn"))
		r->ecn = value;
	else
		fail_msg("no such word: %s", key);
}

static void read_line(char *line, int family, struct route *r)
{
	char *at, *key, *value, *first = strtok_r(line, " ", &at), *slash;

	*r = (struct route){ .type = RTN_UNICAST };
	if (!strcmp(first, "dead")) {
		r->odd = true;
		first = strtok_r(NULL, " ", &at);
	}
	slash = strchr(first, '/');
	*slash = '\0';
	if (inet_pton(family, first, r->dst) != 1)
		fail_msg("no address: %s", first);
	r->len = (__u8)atoi(slash + 1);
	while ((key = strtok_r(NULL, " ", &at)) &&
	       (value = strtok_r(NULL, " ", &at)))
		read_word(r, key, atol(value));
}

static void read_table(const char *text, int family, struct route *room,
		       struct routing *ret)
{
	char copy[TEXT_MAX], *at, *line;

	*ret = (struct routing){ .routes = room,
				 .complete = true,
				 .plain_rules = true };
	snprintf(copy, sizeof(copy), "%s", text ? text : "");
	for (line = strtok_r(copy, "\n", &at); line;
	     line = strtok_r(NULL, "\n", &at))
		read_line(line, family, &ret->routes[ret->n++]);
}

static void print_list(const struct metrics_list *l, char ret[TEXT_MAX])
{
	FILE *f = fmemopen(ret, TEXT_MAX, "w");
	char addr[INET6_ADDRSTRLEN];
	size_t i;

	ret[0] = '\0';
	assert_non_null(f);
	for (i = 0; i < l->n; i++) {
		const struct route_metrics *m = &l->all[i].says;

		inet_ntop(AF_INET6, l->all[i].to.addr, addr, sizeof(addr));
		fprintf(f, "%s%s/%u %u/%u", i ? ", " : "", addr,
			l->all[i].to.prefixlen, m->mss, m->hop_limit);
		if (m->initrwnd)
			fprintf(f, " rwnd %u", m->initrwnd);
		if (m->window)
			fprintf(f, " window %u scale %u", m->window, m->wscale);
		if (m->ecn)
			fprintf(f, " ecn");
	}
	fclose(f);
}

struct row {
	const char *v4, *v6, *list;
	bool rules4, many4; /* policy rules; not all routes were read */
};

static bool holds(const struct row *row)
{
	struct route room4[TABLE_MAX], room6[TABLE_MAX];
	char got[TEXT_MAX];
	struct routing v4, v6;
	struct metrics_list l;

	read_table(row->v4, AF_INET, room4, &v4);
	read_table(row->v6, AF_INET6, room6, &v6);
	v4.plain_rules = !row->rules4;
	v4.complete = !row->many4;
	assert_int_equal(metrics_choose(&v4, &v6, &l), 0);
	print_list(&l, got);
	metrics_free(&l);
	if (!strcmp(got, row->list))
		return true;
	print_error("%s; %s\n\texpected %s\n\tgot %s\n", row->v4, row->v6,
		    row->list, got);
	return false;
}

static void all_hold(const struct row *rows, size_t n)
{
	unsigned bad = 0;

	for (; n--; rows++)
		bad += !holds(rows);
	assert_int_equal(bad, 0);
}

#define ALL_HOLD(rows) all_hold(rows, sizeof(rows) / sizeof((rows)[0]))

#define ALL4 "::ffff:0.0.0.0/96 "

static void which_prefixes(void **state)
{
	static const struct row rows[] = {
		{ "", "", "" },
		{ "0.0.0.0/0\n10.0.0.0/8", "::/0\n2001:db8::/32", "" },
		{ "10.0.0.0/8 advmss 1200\n0.0.0.0/0\n192.0.2.0/24", "",
		  ALL4 "0/0, ::ffff:10.0.0.0/104 1200/0" },
		/* longer ones that say nothing, and what is in those */
		{ "10.1.0.0/16\n10.0.0.0/8 hoplimit 7\n10.1.1.0/24\n"
		  "11.0.0.0/8",
		  "",
		  ALL4 "0/0, ::ffff:10.0.0.0/104 0/7, "
		       "::ffff:10.1.0.0/112 0/0, ::ffff:10.1.1.0/120 0/0" },
		{ "0.0.0.0/0 mtu 1400\n192.0.2.0/24", "",
		  ALL4 "1360/0, ::ffff:192.0.2.0/120 0/0" },
		/* no prefix of whole bytes */
		{ "192.0.2.64/27 advmss 900\n192.0.2.80/28\n192.0.2.96/28", "",
		  ALL4 "0/0, ::ffff:192.0.2.64/123 900/0, "
		       "::ffff:192.0.2.80/124 0/0" },
		/* the kernel's choice among several */
		{ "10.0.0.0/8 metric 9 advmss 1\n10.0.0.0/8 metric 5 advmss 2\n"
		  "dead 10.0.0.0/8 metric 1 advmss 3",
		  "", ALL4 "0/0, ::ffff:10.0.0.0/104 2/0" },
		{ "10.0.0.0/8 metric 9 advmss 1000\n10.0.0.0/8 metric 5", "",
		  "" },
		/* IPv6's default does not speak for IPv4 */
		{ "0.0.0.0/0", "::/0 advmss 1300\n2001:db8::/32",
		  "::/0 1300/0, 2001:db8::/32 0/0, " ALL4 "0/0" },
		{ "0.0.0.0/0 advmss 9", "::/0 hoplimit 5",
		  "::/0 0/5, " ALL4 "9/0" },
		/* a link-local route is one device's */
		{ "", "::/0 advmss 1300\nfe80::/64 advmss 1000",
		  "::/0 1300/0, fe80::/64 0/0, " ALL4 "0/0" },
		/* ignored, but not IPv6's */
		{ "10.0.0.0/8 advmss 1200", "", "", .rules4 = true },
		{ "10.0.0.0/8 advmss 1200", "", "", .many4 = true },
		{ "10.0.0.0/8 advmss 1200", "2001:db8::/32 hoplimit 3",
		  "2001:db8::/32 0/3, " ALL4 "0/0", .rules4 = true },
	};

	(void)state;
	ALL_HOLD(rows);
}

/* ipv4_default_advmss(), ip6_default_advmss(). */
static void mss_of_an_mtu(void **state)
{
	static const struct row rows[] = {
		{ "0.0.0.0/0 mtu 297", "::/0 mtu 1281",
		  "::/0 1221/0, " ALL4 "257/0" },
		{ "0.0.0.0/0 mtu 280", "::/0 mtu 1000",
		  "::/0 1220/0, " ALL4 "256/0" },
		{ "0.0.0.0/0 mtu 65520", "::/0 mtu 65520",
		  "::/0 65460/0, " ALL4 "65480/0" },
		{ "0.0.0.0/0 mtu 1400 advmss 100", "::/0 mtu 1400 advmss 100",
		  "::/0 100/0, " ALL4 "100/0" },
	};

	(void)state;
	ALL_HOLD(rows);
}

/* The scale: tcp_select_initial_window() with a clamp. */
static void what_else_is_said(void **state)
{
	static const struct row rows[] = {
		{ "0.0.0.0/0 initrwnd 20", "::/0 ecn 1",
		  "::/0 0/0 ecn, " ALL4 "0/0 rwnd 20" },
		{ "0.0.0.0/0 window 3000", "::/0 window 65535",
		  "::/0 0/0 window 65535 scale 0, " ALL4
		  "0/0 window 3000 scale 0" },
		{ "0.0.0.0/0 window 65536", "::/0 window 1073741823",
		  "::/0 0/0 window 1073741823 scale 14, " ALL4
		  "0/0 window 65536 scale 1" },
		{ "0.0.0.0/0 window 4294967295", "::/0 window 131071",
		  "::/0 0/0 window 131071 scale 1, " ALL4
		  "0/0 window 4294967295 scale 14" },
	};

	(void)state;
	ALL_HOLD(rows);
}

static void does_any_bound_the_window(void **state)
{
	struct metrics_entry all[2] = { { .says = { .mss = 1200 } },
					{ .says = { .initrwnd = 9 } } };
	struct metrics_list l = { all, 2 };

	(void)state;
	assert_false(metrics_bound_window(&l));
	all[1].says.window = 3000;
	assert_true(metrics_bound_window(&l));
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(which_prefixes),
	cmocka_unit_test(mss_of_an_mtu),
	cmocka_unit_test(what_else_is_said),
	cmocka_unit_test(does_any_bound_the_window),
};

TEST_MAIN(tests)
