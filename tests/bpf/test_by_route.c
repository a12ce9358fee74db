// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: what a SYN-ACK says by the route to the client, the
 * interface and the listener, and the scale that its ACK then takes along.
 * Clients are 198.51.100.9 and 2001:db8:c::9.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>

#include "netns.h"
#include "synack.h"
#include "testmain.h"

struct entry {
	const char *addr;
	unsigned len; /* IPv4: of the mapped prefix */
	struct route_metrics says;
};

enum { ENTRIES = 4 };

struct row {
	const char *what;
	struct entry routes[ENTRIES];
	uint16_t listener_mss;
	uint8_t listener_hops, iface_hops;
	bool no_flag, v6;
	uint16_t mss;
	uint8_t hops;
	uint16_t window; /* 0: SERVER_WINDOW's */
	bool clamped, small, no_ecn, ece;
};

#define FOUR(...)                            \
	{                                    \
		{                            \
			"198.51.100.0", 120, \
			{                    \
				__VA_ARGS__  \
			}                    \
		}                            \
	}
#define SIX(...)                            \
	{                                   \
		{                           \
			"2001:db8:c::", 48, \
			{                   \
				__VA_ARGS__ \
			}                   \
		}                           \
	}

static const struct row rows[] = {
	{ "nothing said", {}, .mss = 1460, .hops = 64 },
	{ "nothing said, IPv6", {}, .v6 = true, .mss = 1440, .hops = 64 },
	{ "the route",
	  { { "198.51.100.0", 120, { .mss = 1200, .hop_limit = 7 } } },
	  .mss = 1200,
	  .hops = 7 },
	{ "the route, IPv6",
	  { { "2001:db8:c::", 48, { .mss = 1200, .hop_limit = 7 } } },
	  .v6 = true,
	  .mss = 1200,
	  .hops = 7 },
	{ "more than the interface's MTU",
	  { { "198.51.100.0", 120, { .mss = 8960 } } },
	  .mss = 8960,
	  .hops = 64 },
	{ "another route",
	  { { "198.51.101.0", 120, { .mss = 1200, .hop_limit = 7 } } },
	  .mss = 1460,
	  .hops = 64 },
	{ "the longest prefix",
	  { { "0.0.0.0", 96, { .mss = 1000 } },
	    { "198.51.100.0", 120, { .mss = 1200 } },
	    { "198.51.100.9", 128, { .hop_limit = 9 } } },
	  .mss = 1460,
	  .hops = 9 },
	{ "the longest says nothing",
	  { { "::", 0, { .mss = 1000, .hop_limit = 1 } },
	    { "2001:db8:c::", 64, {} } },
	  .v6 = true,
	  .mss = 1440,
	  .hops = 64 },
	{ "no flag",
	  { { "198.51.100.0", 120, { .mss = 1200, .hop_limit = 7 } } },
	  .no_flag = true,
	  .mss = 1460,
	  .hops = 64 },
	{ "the listener's",
	  { { "198.51.100.0", 120, { .mss = 1200, .hop_limit = 7 } } },
	  .listener_mss = 1100,
	  .listener_hops = 99,
	  .mss = 1100,
	  .hops = 99 },
	{ "the listener's MSS is larger",
	  { { "198.51.100.0", 120, { .mss = 1200 } } },
	  .listener_mss = 1400,
	  .mss = 1200,
	  .hops = 64 },
	{ "the interface, IPv6",
	  {},
	  .iface_hops = 200,
	  .v6 = true,
	  .mss = 1440,
	  .hops = 200 },
	{ "not for IPv4", {}, .iface_hops = 200, .mss = 1460, .hops = 64 },
	{ "the route before the interface",
	  { { "::", 0, { .hop_limit = 44 } } },
	  .iface_hops = 200,
	  .v6 = true,
	  .mss = 1440,
	  .hops = 44 },
	{ "the listener before the interface",
	  {},
	  .listener_hops = 98,
	  .iface_hops = 200,
	  .v6 = true,
	  .mss = 1440,
	  .hops = 98 },
	/* 20 segments without the route, of 1460 less 12 for timestamps */
	{ "initrwnd", FOUR(.initrwnd = 4), .mss = 1460, .hops = 64,
	  .window = 4 * 1448 },
	{ "initrwnd, IPv6", SIX(.initrwnd = 4), .v6 = true, .mss = 1440,
	  .hops = 64, .window = 4 * 1428 },
	{ "initrwnd, and the listener's MSS", FOUR(.initrwnd = 4),
	  .listener_mss = 1000, .mss = 1000, .hops = 64, .window = 4 * 988 },
	{ "initrwnd above the buffer", FOUR(.initrwnd = 65535), .mss = 1460,
	  .hops = 64 },
	{ "window", FOUR(.window = 3000, .wscale = 0), .mss = 1460, .hops = 64,
	  .window = 2 * 1448, .small = true },
	{ "window, IPv6", SIX(.window = 3000, .wscale = 0), .v6 = true,
	  .mss = 1440, .hops = 64, .window = 2 * 1428, .small = true },
	{ "window below a segment", FOUR(.window = 700), .mss = 1460,
	  .hops = 64, .window = 700, .small = true },
	{ "window above the listener's", FOUR(.window = 1 << 30, .wscale = 14),
	  .mss = 1460, .hops = 64 },
	{ "window and a listener's clamp", FOUR(.window = 3000, .wscale = 0),
	  .clamped = true, .mss = 1460, .hops = 64 },
	{ "no ECN", {}, .no_ecn = true, .mss = 1460, .hops = 64 },
	{ "features ecn", FOUR(.ecn = 1), .no_ecn = true, .mss = 1460,
	  .hops = 64, .ece = true },
	{ "features ecn, IPv6", SIX(.ecn = 1), .no_ecn = true, .v6 = true,
	  .mss = 1440, .hops = 64, .ece = true },
	{ "features ecn and the sysctl", FOUR(.ecn = 1), .mss = 1460,
	  .hops = 64, .ece = true },
};

static struct local_key key_of(const struct entry *e)
{
	struct local_key key = { .prefixlen = e->len };

	if (inet_pton(AF_INET6, e->addr, key.addr) == 1)
		return key;
	key.addr[10] = key.addr[11] = 0xff;
	inet_pton(AF_INET, e->addr, &key.addr[12]);
	return key;
}

/* Adds or deletes the routes of @row. */
static void routes(const struct row *row, bool add)
{
	int map = bpf_map__fd(harness.skel->maps.route_metrics);
	const struct entry *e;

	for (e = row->routes; e < row->routes + ENTRIES && e->addr; e++) {
		struct local_key key = key_of(e);

		assert_int_equal(
			add ? bpf_map_update_elem(map, &key, &e->says, BPF_ANY)
			    : bpf_map_delete_elem(map, &key),
			0);
	}
}

static void tell(const struct row *row)
{
	struct endpoint four = harness_service(SERVICE_4, ENDPOINT_ARMED);
	struct iface lo = { .ifindex = LO,
			    .mtu = MTU,
			    .hop_limit6 = row->iface_hops };
	struct port_services ps;

	four.mss = row->listener_mss;
	four.hop_limit = row->listener_hops;
	four.flags = row->clamped ? ENDPOINT_CLAMPED : 0;
	ps = (struct port_services){ .any4 = four, .any6 = four };
	ps.any6.service = SERVICE_6;
	harness_port(443, &ps);
	memcpy(lo.mac, server_mac, 6);
	harness_iface(&lo);
	harness.cfg.flags &= ~(__u32)(SETTING_METRICS | SETTING_ROUTE_SCALE);
	harness.cfg.flags |= SETTING_ECN;
	if (!row->no_flag && row->routes[0].addr)
		harness.cfg.flags |= SETTING_METRICS;
	if (row->routes[0].says.window)
		harness.cfg.flags |= SETTING_ROUTE_SCALE;
	if (row->no_ecn)
		harness.cfg.flags &= ~(__u32)SETTING_ECN;
	harness_settings();
}

/* Has the row a client that offers ECN? */
static bool offers_ecn(const struct row *row)
{
	return row->no_ecn || row->ece;
}

static struct spec syn_of(const struct row *row)
{
	return (struct spec){
		.v6 = row->v6,
		.flags = SYN | (offers_ecn(row) ? ECE | CWR : 0),
		.src = row->v6 ? "2001:db8:c::9" : "198.51.100.9",
		.opts = "mss:1460 sack ts:7:0 nop ws:7",
	};
}

static struct handshake agreed(const struct row *row)
{
	return (struct handshake){ 1460, 7, 1, row->ece, 1 };
}

static bool answers(const struct row *row)
{
	struct answer_spec a = { .hs = agreed(row), .window = row->window };
	struct spec syn = syn_of(row);
	static struct frame in, out;
	char opts[64];

	snprintf(opts, sizeof(opts), "mss:%u sack ts:COOKIE:7 nop ws:%d",
		 row->mss, row->small ? 0 : SERVER_WSCALE);
	a.opts = opts;
	packet_build(&syn, &in);
	synack_build(&syn, &in, &a, &out);
	out.data[out.l3 + (row->v6 ? 7 : 8)] = row->hops;
	packet_checksum(&out, row->v6);
	return expect(row->what, &in, XDP_TX, REASON_answered, &out);
}

/* The socket must have the scale that answers() has seen. */
static bool scales(const struct row *row)
{
	struct handshake hs = agreed(row), kept;
	struct spec syn = syn_of(row);
	struct spec ack = synack_ack(&syn, &hs, &kept);
	unsigned want = row->small ? 0 : SERVER_WSCALE;
	static struct frame in;
	static struct run r;

	packet_build(&ack, &in);
	harness_run(&in, &r);
	if (!expect_run(row->what, &in, &r, XDP_PASS, REASON_admitted, NULL))
		return false;
	if (r.meta.rcv_wscale == want)
		return true;
	print_error("%s: the ACK's scale: expected %u, got %u\n", row->what,
		    want, r.meta.rcv_wscale);
	return false;
}

static void the_scale_of_its_ack(void **state)
{
	unsigned bad = 0;
	size_t i;

	(void)state;
	if (!harness_assigns())
		skip();
	netns_listen(false, 443);
	netns_listen(true, 443);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		harness_setup(NULL); /* no session of the row before */
		tell(&rows[i]);
		routes(&rows[i], true);
		bad += !scales(&rows[i]);
		routes(&rows[i], false);
	}
	assert_int_equal(bad, 0);
}

static void synack_says(void **state)
{
	unsigned bad = 0;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		tell(&rows[i]);
		routes(&rows[i], true);
		bad += !answers(&rows[i]);
		routes(&rows[i], false);
	}
	assert_int_equal(bad, 0);
}

/* ---- policy rules ---- */

struct ruled_route {
	const char *addr;
	unsigned len; /* IPv4: of the mapped prefix */
	__u32 leads;
	struct route_metrics says;
};

static void put_ruled(const struct ruled_route *routes, bool add)
{
	int map = bpf_map__fd(harness.skel->maps.ruled_metrics);

	for (; routes->addr; routes++) {
		const struct entry e = { routes->addr, routes->len, {} };
		struct local_key plain = key_of(&e);
		struct ruled_key key = { 32 + plain.prefixlen, routes->leads };

		memcpy(key.addr, plain.addr, 16);
		assert_int_equal(add ? bpf_map_update_elem(map, &key,
							   &routes->says,
							   BPF_ANY)
				     : bpf_map_delete_elem(map, &key),
				 0);
	}
}

static void put_rules(__u32 v6, const struct route_rules *rules)
{
	int map = bpf_map__fd(harness.skel->maps.route_rules);

	assert_int_equal(bpf_map_update_elem(map, &v6, rules, BPF_ANY), 0);
}

/* A rule before one for all that leads to an MSS of 1200. */
struct ruled_row {
	const char *what;
	struct route_rule rule;
	uint16_t mss;
};

static unsigned rules_that_fail(const struct ruled_row *ruled, size_t n)
{
	struct row row = { .hops = 64, .routes = { { "::", 0, {} } } };
	unsigned bad = 0;

	for (; n--; ruled++) {
		struct route_rules rules = {
			.n = 2,
			.all = { ruled->rule,
				 { .port_max = 65535, .leads = 3 } },
		};

		put_rules(0, &rules);
		row.what = ruled->what;
		row.mss = ruled->mss;
		row.hops = row.mss == 1200 ? 9 : 64;
		tell(&row);
		bad += !answers(&row);
	}
	return bad;
}

/* The server's address and port of packets: 192.0.2.1, 443. */
static void rules_lead_to_tables(void **state)
{
	static const struct ruled_route routes[] = {
		{ "0.0.0.0", 96, 1, { .mss = 1000 } },
		{ "0.0.0.0", 96, 2, { .mss = 1100 } },
		{ "198.51.100.0", 120, 2, { .next = 1 } },
		{ "203.0.113.0", 120, 4, { .mss = 1150 } },
		{ "0.0.0.0", 96, 3, { .mss = 1200, .hop_limit = 9 } },
		{},
	};
	static const struct route_rules none;
	const struct ruled_row ruled[] = {
		{ "all", { .port_max = 65535, .leads = 1 }, 1000 },
		{ "the port",
		  { .port_min = 443, .port_max = 443, .leads = 1 },
		  1000 },
		{ "a port below", { .port_max = 442, .leads = 1 }, 1200 },
		{ "a port above",
		  { .port_min = 444, .port_max = 65535, .leads = 1 },
		  1200 },
		{ "a throw route", { .port_max = 65535, .leads = 2 }, 1200 },
		{ "no route", { .port_max = 65535, .leads = 4 }, 1200 },
		{ "no table", { .port_max = 65535, .leads = 5 }, 1200 },
		{ "another server",
		  { .server = { 0, 0, 0, 1 },
		    .server_mask = { 0, 0, 0, ~0U },
		    .port_max = 65535,
		    .leads = 1 },
		  1200 },
		{ "another client",
		  { .client = { 0, 0, 0, 1 },
		    .client_mask = { 0, 0, 0, ~0U },
		    .port_max = 65535,
		    .leads = 1 },
		  1200 },
		{ "both within",
		  { .server = { 0, 0, 0, htobe32_const(0xc0000000) },
		    .server_mask = { 0, 0, 0, htobe32_const(0xff000000) },
		    .client = { 0, 0, 0, htobe32_const(0xc6336400) },
		    .client_mask = { 0, 0, 0, htobe32_const(0xffffff00) },
		    .port_max = 65535,
		    .leads = 1 },
		  1000 },
	};
	unsigned bad;

	(void)state;
	put_ruled(routes, true);
	bad = rules_that_fail(ruled, sizeof(ruled) / sizeof(ruled[0]));
	put_rules(0, &none);
	put_ruled(routes, false);
	assert_int_equal(bad, 0);
}

/* A VLAN device has a hop limit of its own, which is not known. */
static void tagged(void **state)
{
	static const struct row row = { .iface_hops = 200, .v6 = true };
	struct spec syn = { .v6 = true, .flags = SYN, .vlan = "q" };
	static struct frame in, out;

	(void)state;
	tell(&row);
	packet_build(&syn, &in);
	synack_reference(&syn, &in, &out);
	assert_true(expect("tagged", &in, XDP_TX, REASON_answered, &out));
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test_setup(synack_says, harness_setup),
	cmocka_unit_test_setup(the_scale_of_its_ack, harness_setup),
	cmocka_unit_test_setup(rules_lead_to_tables, harness_setup),
	cmocka_unit_test_setup(tagged, harness_setup),
};

TEST_MAIN(tests)
