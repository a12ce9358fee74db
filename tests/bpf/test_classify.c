// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: which packets concern the program at all: is the daemon
 * ready, is there a service, is it armed, may the addresses be answered, is the
 * frame addressed to this host.
 */
#include <linux/bpf.h>
#include <stdio.h>

#include "netns.h"
#include "sessions.h"
#include "synack.h"
#include "testmain.h"

enum { SERVICE_EXACT = 3, SERVICE_OTHER = 4 };

struct row {
	const char *what;
	struct spec in;
	uint32_t verdict;
	enum reason reason;
	uint16_t service;
};

/* Compares verdict, reason and service; other tests check the answers. */
static bool run_row(const struct row *row)
{
	static struct frame in;
	static struct run r;
	bool ok;

	r.linear = r.ifindex = 0;
	packet_build(&row->in, &in);
	harness_run(&in, &r);
	if (row->verdict == XDP_TX)
		memcpy(in.data, r.data, in.len = r.len);
	ok = expect_run(row->what, &in, &r, row->verdict, row->reason, NULL);
	if (r.service != row->service) {
		fprintf(stderr, "%s: expected service %u, got %u\n", row->what,
			row->service, r.service);
		ok = false;
	}
	return ok;
}

static void run_rows(const struct row *rows, size_t n)
{
	unsigned bad = 0;

	for (; n--; rows++)
		bad += !run_row(rows);
	assert_int_equal(bad, 0);
}

#define RUN(rows) run_rows(rows, sizeof(rows) / sizeof((rows)[0]))

static void no_settings(void **state)
{
	static const struct row rows[] = {
		{ "SYN", { .flags = SYN }, WANT(PASS, not_ready) },
		{ "ACK", { .flags = ACK }, WANT(PASS, not_ready) },
		{ "RST", { .flags = RST }, WANT(PASS, not_ready) },
		{ "no flags", {}, WANT(PASS, not_ready) },
		{ "SYN to no service",
		  { .dport = 80, .flags = SYN },
		  WANT(PASS, not_ready) },
		{ "fragment with SYN",
		  { .frag = 0x2000, .flags = SYN },
		  WANT(PASS, not_ready) },
	};

	(void)state;
	harness.cfg.flags &= ~SETTING_READY;
	harness_settings();
	RUN(rows);
	harness.cfg = (struct settings){};
	harness_settings();
	RUN(rows);
}

static void no_key(void **state)
{
	static const struct row rows[] = {
		{ "SYN", { .flags = SYN }, WANT(PASS, not_ready), SERVICE_4 },
		{ "SYN, IPv6",
		  { .v6 = true, .flags = SYN },
		  WANT(PASS, not_ready),
		  SERVICE_6 },
	};
	unsigned slot;

	(void)state;
	for (slot = 0; slot < KEY_SLOTS; slot++)
		harness_key(slot, &(struct cookie_key){});
	RUN(rows);
}

static void no_service(void **state)
{
	static const struct row rows[] = {
		{ "SYN", { .flags = SYN }, WANT(PASS, no_service) },
		{ "ACK", { .flags = ACK }, WANT(PASS, no_service) },
		{ "RST", { .flags = RST }, WANT(PASS, no_service) },
		{ "no flags", {}, WANT(PASS, no_service) },
		{ "SYN, IPv6",
		  { .v6 = true, .flags = SYN },
		  WANT(PASS, no_service) },
	};

	(void)state;
	harness_port(443, &(struct port_services){});
	RUN(rows);
}

static void no_interface(void **state)
{
	static const struct row rows[] = {
		{ "SYN", { .flags = SYN }, WANT(PASS, not_ready), SERVICE_4 },
		{ "ACK", { .flags = ACK }, WANT(PASS, not_ready), SERVICE_4 },
		{ "RST", { .flags = RST }, WANT(PASS, not_ready), SERVICE_4 },
		{ "no flags", {}, WANT(PASS, not_ready), SERVICE_4 },
	};
	__u32 slot = LO;
	struct iface other = { .ifindex = LO + IFACES_MAX, .mtu = MTU };

	(void)state;
	memcpy(other.mac, server_mac, 6);
	bpf_map__update_elem(harness.skel->maps.ifaces, &slot, sizeof(slot),
			     &other, sizeof(other), 0);
	RUN(rows);
}

/* Of a service that answers nothing. */
static const struct row left_alone[] = {
	{ "SYN", { .flags = SYN }, WANT(PASS, disarmed_syn), 1 },
	{ "SYN, IPv6",
	  { .v6 = true, .flags = SYN },
	  WANT(PASS, disarmed_syn),
	  SERVICE_6 },
	{ "ACK without a cookie",
	  { .flags = ACK },
	  WANT(PASS, disarmed_ack),
	  SERVICE_4 },
	{ "FIN+ACK",
	  { .flags = FIN | ACK },
	  WANT(PASS, disarmed_ack),
	  SERVICE_4 },
	{ "RST", { .flags = RST }, WANT(PASS, disarmed_ack), 1 },
	{ "SYN+ACK", { .flags = SYN | ACK }, WANT(PASS, socket), 1 },
	{ "no flags", {}, WANT(PASS, socket), SERVICE_4 },
};

static void disarmed(void **state)
{
	(void)state;
	harness_mode(ENDPOINT_DISARMED);
	RUN(left_alone);
}

/* About to be detached: its MTU is 0. */
static void retired_interface(void **state)
{
	struct iface iface = { .ifindex = LO };

	(void)state;
	memcpy(iface.mac, server_mac, 6);
	harness_iface(&iface);
	RUN(left_alone);
}

static void exact_before_wildcard(void **state)
{
	static const struct row rows[] = {
		{ "exact address",
		  { .flags = SYN },
		  WANT(TX, answered),
		  SERVICE_EXACT },
		{ "another address: the wildcard",
		  { .dst = "192.0.2.9", .flags = SYN },
		  WANT(TX, answered),
		  SERVICE_4 },
		{ "exact address, disarmed, under an armed wildcard",
		  { .v6 = true, .flags = SYN },
		  WANT(PASS, disarmed_syn),
		  SERVICE_OTHER },
		{ "another address: the IPv6 wildcard",
		  { .v6 = true, .dst = "2001:db8::9", .flags = SYN },
		  WANT(TX, answered),
		  SERVICE_6 },
	};
	struct endpoint armed = harness_service(SERVICE_EXACT, ENDPOINT_ARMED);
	struct endpoint off = harness_service(SERVICE_OTHER, ENDPOINT_DISARMED);
	struct port_services ps = {
		.any4 = harness_service(SERVICE_4, ENDPOINT_ARMED),
		.any6 = harness_service(SERVICE_6, ENDPOINT_ARMED),
		.exact = 2,
	};

	(void)state;
	harness_endpoint(SERVER4, 443, &armed);
	harness_endpoint(SERVER6, 443, &off);
	harness_port(443, &ps);
	RUN(rows);
}

static void exact_without_wildcard(void **state)
{
	static const struct row rows[] = {
		{ "exact address",
		  { .dport = 8443, .flags = SYN },
		  WANT(TX, answered),
		  SERVICE_EXACT },
		{ "another address",
		  { .dport = 8443, .dst = "192.0.2.9", .flags = SYN },
		  WANT(PASS, no_service) },
		{ "another port",
		  { .dport = 8444, .flags = SYN },
		  WANT(PASS, no_service) },
		{ "the other family",
		  { .v6 = true, .dport = 8443, .flags = SYN },
		  WANT(PASS, no_service) },
	};
	struct endpoint armed = harness_service(SERVICE_EXACT, ENDPOINT_ARMED);

	(void)state;
	harness_endpoint(SERVER4, 8443, &armed);
	harness_port(8443, &(struct port_services){ .exact = 1 });
	RUN(rows);
}

static void wildcard_of_one_family(void **state)
{
	static const struct row rows[] = {
		{ "IPv4", { .flags = SYN }, WANT(PASS, no_service) },
		{ "IPv6",
		  { .v6 = true, .flags = SYN },
		  WANT(TX, answered),
		  SERVICE_6 },
	};
	struct port_services ps = { .any6 = harness_service(SERVICE_6,
							    ENDPOINT_ARMED) };

	(void)state;
	harness_port(443, &ps);
	RUN(rows);
}

static void forwarding(void **state)
{
	static const struct row rows[] = {
		{ "this host's address",
		  { .flags = SYN },
		  WANT(TX, answered),
		  SERVICE_4 },
		{ "forwarded",
		  { .dst = "203.0.113.5", .flags = SYN },
		  WANT(PASS, no_service) },
		{ "forwarded ACK",
		  { .dst = "203.0.113.5", .flags = ACK },
		  WANT(PASS, no_service) },
		{ "address in a local prefix",
		  { .dst = "192.0.2.200", .flags = SYN },
		  WANT(TX, answered),
		  SERVICE_4 },
		{ "this host's address, IPv6",
		  { .v6 = true, .flags = SYN },
		  WANT(TX, answered),
		  SERVICE_6 },
		{ "forwarded, IPv6",
		  { .v6 = true, .dst = "2001:db8:f::1", .flags = SYN },
		  WANT(PASS, no_service) },
	};

	(void)state;
	harness_local("192.0.2.0", 96 + 24);
	harness_local(SERVER6, 128);
	harness.cfg.flags |= SETTING_FORWARDING;
	harness_settings();
	RUN(rows);
}

static void exact_ignores_forwarding(void **state)
{
	static const struct row row = {
		"exact service at a foreign address",
		{ .dst = "203.0.113.5", .dport = 8443, .flags = SYN },
		WANT(TX, answered),
		SERVICE_EXACT
	};
	struct endpoint armed = harness_service(SERVICE_EXACT, ENDPOINT_ARMED);

	(void)state;
	harness_endpoint("203.0.113.5", 8443, &armed);
	harness_port(8443, &(struct port_services){ .exact = 1 });
	harness.cfg.flags |= SETTING_FORWARDING;
	harness_settings();
	assert_true(run_row(&row));
}

/* A promiscuous interface or bridge port: the kernel discards these. */
static void frame_of_another_host(void **state)
{
	static const struct row rows[] = {
		{ "SYN",
		  { .to_mac = foreign_mac, .flags = SYN },
		  WANT(PASS, other_host),
		  SERVICE_4 },
		{ "SYN, IPv6",
		  { .to_mac = foreign_mac, .v6 = true, .flags = SYN },
		  WANT(PASS, other_host),
		  SERVICE_6 },
		{ "ACK",
		  { .to_mac = foreign_mac, .flags = ACK },
		  WANT(PASS, other_host),
		  SERVICE_4 },
		{ "RST",
		  { .to_mac = foreign_mac, .flags = RST },
		  WANT(PASS, other_host),
		  SERVICE_4 },
		{ "RST+ACK",
		  { .to_mac = foreign_mac, .flags = RST | ACK },
		  WANT(PASS, other_host),
		  SERVICE_4 },
		{ "SYN+ACK",
		  { .to_mac = foreign_mac, .flags = SYN | ACK },
		  WANT(PASS, other_host),
		  SERVICE_4 },
		{ "first fragment with SYN",
		  { .to_mac = foreign_mac, .frag = 0x2000, .flags = SYN },
		  WANT(PASS, other_host),
		  SERVICE_4 },
	};

	(void)state;
	RUN(rows);
}

static void unanswerable_addresses(void **state)
{
	static const char *const v4[] = { "0.0.0.0",   "0.1.2.3",
					  "127.0.0.1", "127.255.255.255",
					  "224.0.0.1", "239.255.255.250",
					  "240.0.0.1", "255.255.255.255" };
	static const char *const v6[] = { "::",	     "::1",
					  "ff02::1", "ff0e::1234",
					  "ffff::1", "::ffff:198.51.100.7" };
	unsigned i, flags, bad = 0;
	char what[96];

	(void)state;
	for (i = 0; i < 4 * 8; i++) {
		bool src = i & 1, six = i >> 1 & 1;
		const char *addr = six ? v6[i / 4 % 6] : v4[i / 4];
		struct spec s = { .v6 = six };

		*(src ? &s.src : &s.dst) = addr;
		for (flags = SYN; flags; flags = flags == SYN ? ACK : 0) {
			s.flags = flags;
			snprintf(what, sizeof(what), "%s %s %s",
				 flags == SYN ? "SYN" : "ACK",
				 src ? "from" : "to", addr);
			bad += !expect_spec(what, &s, XDP_DROP,
					    REASON_bad_address);
		}
	}
	assert_int_equal(bad, 0);
}

static void land(void **state)
{
	static const struct row rows[] = {
		{ "SYN",
		  { .src = SERVER4, .sport = 443, .flags = SYN },
		  WANT(DROP, bad_address),
		  SERVICE_4 },
		{ "SYN, IPv6",
		  { .v6 = true, .src = SERVER6, .sport = 443, .flags = SYN },
		  WANT(DROP, bad_address),
		  SERVICE_6 },
		{ "ACK",
		  { .src = SERVER4, .sport = 443, .flags = ACK },
		  WANT(DROP, bad_address),
		  SERVICE_4 },
		{ "not LAND: same port, another address",
		  { .sport = 443, .flags = SYN },
		  WANT(TX, answered),
		  SERVICE_4 },
	};

	(void)state;
	RUN(rows);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test_setup(no_settings, harness_setup),
	cmocka_unit_test_setup(no_key, harness_setup),
	cmocka_unit_test_setup(no_service, harness_setup),
	cmocka_unit_test_setup(no_interface, harness_setup),
	cmocka_unit_test_setup(disarmed, harness_setup),
	cmocka_unit_test_setup(retired_interface, harness_setup),
	cmocka_unit_test_setup(exact_before_wildcard, harness_setup),
	cmocka_unit_test_setup(exact_without_wildcard, harness_setup),
	cmocka_unit_test_setup(wildcard_of_one_family, harness_setup),
	cmocka_unit_test_setup(forwarding, harness_setup),
	cmocka_unit_test_setup(exact_ignores_forwarding, harness_setup),
	cmocka_unit_test_setup(frame_of_another_host, harness_setup),
	cmocka_unit_test_setup(unanswerable_addresses, harness_setup),
	cmocka_unit_test_setup(land, harness_setup),
};

TEST_MAIN(tests)
