// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: to which MAC a SYN-ACK goes. Packets come in on lo, as
 * in all these tests, but its entry says that routes call the device "hop0", a
 * veth, with two gateways that have static neighbour entries. Whether the
 * kernel's routes were asked is seen by taking lo.forwarding away: then it does
 * not tell, and the answer is counted as answered_back.
 */
#include <arpa/inet.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <stdio.h>
#include <time.h>

#include "netns.h"
#include "sessions.h"
#include "synack.h"
#include "testmain.h"

static const uint8_t usual[6] = { 2, 0, 0, 0, 0, 0x11 },
		     other[6] = { 2, 0, 0, 0, 0, 0x22 },
		     director[6] = { 2, 0, 0, 0, 0, 0x33 };

static const char commands[] =
	"ip link add hop0 type veth peer hop1 && "
	"ip link add far0 type veth peer far1 && "
	"for d in hop0 hop1 far0 far1; do ip link set $d up; done && "
	"ip addr add 192.0.2.129/28 dev hop0 && "
	"ip addr add 2001:db8:1::1/64 dev hop0 nodad && "
	"ip neigh add 192.0.2.130 lladdr 02:00:00:00:00:11 dev hop0 && "
	"ip neigh add 192.0.2.131 lladdr 02:00:00:00:00:22 dev hop0 && "
	"ip neigh add 2001:db8:1::2 lladdr 02:00:00:00:00:11 dev hop0 && "
	"ip neigh add 2001:db8:1::3 lladdr 02:00:00:00:00:22 dev hop0 && "
	"ip route add default via 192.0.2.130 && "
	"ip -6 route add default via 2001:db8:1::2 && "
	"ip route add 203.0.113.0/24 via 192.0.2.131 && "
	"ip -6 route add 2001:db8:f::/48 via 2001:db8:1::3 && "
	"ip route add blackhole 203.0.114.0/24 && "
	"ip -6 route add blackhole 2001:db8:b::/48 && "
	"ip route add unreachable 203.0.115.0/24 && "
	"ip route add prohibit 203.0.116.0/24 && "
	"ip route add throw 203.0.117.0/24 && "
	"ip route add 203.0.118.0/24 dev far0 && "
	"ip route add 203.0.119.0/24 via 192.0.2.135 && "
	"ip rule add from 192.0.2.9 lookup 77 && "
	"ip route add default via 192.0.2.131 dev hop0 table 77";

static void forwarding(bool on)
{
	char line[160];

	snprintf(line, sizeof(line),
		 "echo %d >/proc/sys/net/ipv4/conf/lo/forwarding; "
		 "echo %d >/proc/sys/net/ipv6/conf/lo/forwarding",
		 on, on);
	assert_int_equal(system(line), 0);
}

static struct hop_prefix prefix4(uint32_t net, unsigned len)
{
	return (struct hop_prefix){ htonl(net), htonl(~0u << (32 - len)) };
}

static struct iface routed(enum hop_kind kind)
{
	struct iface lo = { .ifindex = LO, .mtu = MTU };

	memcpy(lo.mac, server_mac, 6);
	lo.device = if_nametoindex("hop0");
	assert_int_not_equal(lo.device, 0);
	lo.hop4.kind = lo.hop6.kind = kind;
	memcpy(lo.hop4.gateway, usual, 6);
	memcpy(lo.hop6.gateway, usual, 6);
	lo.hop4.seen = lo.hop6.seen = sessions_now();
	lo.hop4.prefixes[lo.hop4.n++] = prefix4(0xc0000280, 28);
	lo.hop4.prefixes[lo.hop4.n++] = prefix4(0xcb007100, 24);
	memcpy(&lo.hop6.prefixes[0].net, "\x20\x01\x0d\xb8\x00\x0f\0\0", 8);
	memcpy(&lo.hop6.prefixes[0].mask, "\xff\xff\xff\xff\xff\xff\0\0", 8);
	lo.hop6.n = 1;
	return lo;
}

static int setup(void **state)
{
	static bool done;
	int err = harness_setup(state);

	if (!err && !done) {
		err = system(commands);
		done = true;
	}
	return err;
}

struct row {
	const char *what;
	struct spec in;
	const uint8_t *to; /* NULL: dropped as no_route */
	bool back;	   /* no other way is known */
};

/* @over: more such SYNs came than are left to the kernel. */
static void run_rows(const struct row *rows, size_t n, bool asked, bool over)
{
	static struct frame in, out;
	unsigned bad = 0;

	for (; n--; rows++) {
		struct spec syn = rows->in;

		syn.flags = SYN;
		packet_build(&syn, &in);
		if (!rows->to) {
			bad += !expect(rows->what, &in, XDP_DROP,
				       REASON_no_route, NULL);
			continue;
		}
		if (rows->back && asked && !over) {
			bad += !expect(rows->what, &in, XDP_PASS,
				       REASON_routed_syn, NULL);
			sessions_clear();
			continue;
		}
		synack_reference(&syn, &in, &out);
		memcpy(out.data, rows->to, 6);
		bad += !expect(rows->what, &in, XDP_TX,
			       rows->back ? REASON_answered_back
					  : REASON_answered,
			       &out);
	}
	assert_int_equal(bad, 0);
}

#define ROWS(rows)    rows, sizeof(rows) / sizeof((rows)[0])
#define RUN(rows)     run_rows(ROWS(rows), false, false)
#define RUN_ASK(rows) run_rows(ROWS(rows), true, false)

enum { BUDGET_ROUTED = 12 }; /* as bpf/report/budget.bpf.h */

#define ROUTED4 "203.0.113.9"
#define ROUTED6 "2001:db8:f::9"
#define NEAR	"192.0.2.131"

/* From the gateway, and behind it: nobody is asked. */
static void usual_gateway(void **state)
{
	static const struct row rows[] = {
		{ "the gateway's", { .from_mac = usual }, usual },
		{ "the gateway's, IPv6",
		  { .from_mac = usual, .v6 = true },
		  usual },
		{ "from a prefix of another gateway",
		  { .from_mac = usual, .src = ROUTED4 },
		  usual,
		  true },
		{ "the same, IPv6",
		  { .from_mac = usual, .v6 = true, .src = ROUTED6 },
		  usual,
		  true },
		{ "link-local",
		  { .from_mac = director, .v6 = true, .src = "fe80::9" },
		  director },
		{ "tagged", { .from_mac = usual, .vlan = "q" }, usual, true },
	};
	struct iface lo = routed(HOP_USUAL);

	(void)state;
	forwarding(false);
	harness_iface(&lo);
	RUN(rows);
}

/* The default route leads through a VLAN device on the interface. */
static void usual_gateway_in_a_vlan(void **state)
{
	static const struct row rows[] = {
		{ "tagged", { .from_mac = usual, .vlan = "q" }, usual },
		{ "tagged, IPv6",
		  { .from_mac = usual, .v6 = true, .vlan = "q" },
		  usual },
		{ "no tag", { .from_mac = usual }, usual, true },
		{ "two tags", { .from_mac = usual, .vlan = "qq" }, usual, true },
		{ "a priority",
		  { .from_mac = usual, .vlan = "0" },
		  usual,
		  true },
		{ "from a prefix of another gateway",
		  { .from_mac = usual, .src = ROUTED4, .vlan = "q" },
		  usual,
		  true },
		{ "a director's", { .from_mac = director, .vlan = "q" }, usual },
	};
	static const struct row wrong[] = {
		{ "another tag",
		  { .from_mac = usual, .vlan = "q" },
		  usual,
		  true },
	};
	struct iface lo = routed(HOP_USUAL);

	(void)state;
	forwarding(false);
	lo.hop4.vlan = lo.hop6.vlan = 100;
	harness_iface(&lo);
	RUN(rows);
	lo.hop4.vlan = 101;
	harness_iface(&lo);
	RUN(wrong);
}

/* The last word where routes cannot be asked, for as long as it is fresh. */
static void gateway_by_the_daemon(void **state)
{
	static const struct row fresh[] = {
		{ "a director's", { .from_mac = director }, usual },
		{ "a director's, IPv6",
		  { .from_mac = director, .v6 = true },
		  usual },
	};
	static const struct row stale[] = {
		{ "a director's", { .from_mac = director }, director, true },
	};
	struct iface lo = routed(HOP_USUAL);

	(void)state;
	forwarding(false);
	harness_iface(&lo);
	RUN(fresh);
	lo.hop4.seen -= 1000;
	harness_iface(&lo);
	RUN(stale);
}

static const struct row by_route[] = {
	{ "a director's", { .from_mac = director }, usual },
	{ "a director's, IPv6", { .from_mac = director, .v6 = true }, usual },
	{ "another gateway's prefix",
	  { .from_mac = usual, .src = ROUTED4 },
	  other },
	{ "another gateway's prefix, IPv6",
	  { .from_mac = usual, .v6 = true, .src = ROUTED6 },
	  other },
	{ "on the link", { .from_mac = director, .src = NEAR }, other },
	{ "on the link, IPv6",
	  { .from_mac = director, .v6 = true, .src = "2001:db8:1::3" },
	  other },
	{ "priorities alone",
	  { .from_mac = director, .src = NEAR, .vlan = "00" },
	  other },
	{ "a policy rule for the server's address",
	  { .from_mac = usual, .dst = "192.0.2.9" },
	  other },
	{ "a neighbour that is not known",
	  { .from_mac = director, .src = "192.0.2.133" },
	  director,
	  true },
	{ "its IPv6",
	  { .from_mac = director, .v6 = true, .src = "2001:db8:1::33" },
	  director,
	  true },
	{ "a gateway that is not known",
	  { .from_mac = director, .src = "203.0.119.1" },
	  director,
	  true },
	{ "another device",
	  { .from_mac = director, .src = "203.0.118.1" },
	  director,
	  true },
	{ "blackhole", { .from_mac = director, .src = "203.0.114.1" } },
	{ "blackhole, IPv6",
	  { .from_mac = director, .v6 = true, .src = "2001:db8:b::1" } },
	{ "unreachable", { .from_mac = director, .src = "203.0.115.1" } },
	{ "prohibited", { .from_mac = director, .src = "203.0.116.1" } },
	{ "no route", { .from_mac = director, .src = "203.0.117.1" } },
};

static void asks_the_routes(void **state)
{
	struct iface lo = routed(HOP_ROUTED);

	(void)state;
	if (system("ip route replace 198.51.100.0/24 via 192.0.2.130 && "
		   "ip -6 route replace 2001:db8:c::/48 via 2001:db8:1::2"))
		fail_msg("ip route failed");
	forwarding(true);
	harness_iface(&lo);
	RUN_ASK(by_route);
	harness_spend(BUDGET_ROUTED);
	run_rows(ROWS(by_route), true, true);
}

/* No route, or a throw route: the kernel knows. */
static void throw_routes(void **state)
{
	struct spec syn = { .flags = SYN,
			    .from_mac = director,
			    .v6 = true,
			    .src = "2001:db8:b::1" };
	struct iface lo = routed(HOP_ROUTED);

	(void)state;
	forwarding(true);
	lo.hop6.throws = 1;
	harness_iface(&lo);
	assert_true(expect_spec("few", &syn, XDP_PASS, REASON_routed_syn));
	sessions_clear();
	harness_spend(BUDGET_ROUTED);
	assert_true(expect_spec("many", &syn, XDP_DROP, REASON_no_route));
}

/* Left to the kernel: its request is found again by the ACK. */
static void handed_over(void **state)
{
	struct spec syn = { .flags = SYN,
			    .from_mac = director,
			    .src = "192.0.2.133" },
		    ack = { .flags = ACK,
			    .from_mac = director,
			    .src = "192.0.2.133",
			    .seq = CLIENT_ISN + 1,
			    .ack = 1 };
	struct iface lo = routed(HOP_ROUTED);

	(void)state;
	forwarding(true);
	harness_iface(&lo);
	netns_listen(false, 443);
	assert_true(expect_spec("SYN", &syn, XDP_PASS, REASON_routed_syn));
	netns_half_open(&syn);
	assert_true(expect_spec("again", &syn, XDP_PASS, REASON_session_syn));
	harness_spend_budget();
	assert_true(expect_spec("ACK", &ack, XDP_PASS, REASON_half_open));
}

/* A VLAN device cannot be made on every kernel: hop0 stands for one. */
static void vlan_devices(void **state)
{
	static const struct row rows[] = {
		{ "tagged", { .from_mac = director, .vlan = "q" }, usual },
		{ "a priority first",
		  { .from_mac = director, .vlan = "0q" },
		  usual },
		{ "a priority last",
		  { .from_mac = director, .vlan = "q0" },
		  usual },
	};
	static const struct row wrong[] = {
		{ "another tag",
		  { .from_mac = director, .vlan = "q" },
		  director,
		  true },
		{ "no tag", { .from_mac = director }, director, true },
		{ "two tags",
		  { .from_mac = director, .vlan = "aq" },
		  director,
		  true },
	};
	struct iface lo = routed(HOP_ROUTED), vlan = {};
	static struct frame in;
	struct spec tagged = { .vlan = "q" };

	(void)state;
	packet_build(&tagged, &in);
	if (system("ip route replace 198.51.100.0/24 via 192.0.2.130"))
		fail_msg("ip route failed");
	forwarding(true);
	vlan.ifindex = lo.device;
	vlan.lower = lo.device = LO;
	vlan.vlan = (in.data[14] << 8 | in.data[15]) & 0xfff;
	harness_iface(&lo);
	harness_iface(&vlan);
	RUN_ASK(rows);
	vlan.vlan++;
	harness_iface(&vlan);
	RUN_ASK(wrong);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test_setup(usual_gateway, setup),
	cmocka_unit_test_setup(usual_gateway_in_a_vlan, setup),
	cmocka_unit_test_setup(gateway_by_the_daemon, setup),
	cmocka_unit_test_setup(asks_the_routes, setup),
	cmocka_unit_test_setup_teardown(throw_routes, setup, harness_teardown),
	cmocka_unit_test_setup(vlan_devices, setup),
	cmocka_unit_test_setup_teardown(handed_over, setup, harness_teardown),
};

TEST_MAIN(tests)
