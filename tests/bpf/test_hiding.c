// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: frames that hide their TCP header from a program with
 * bounded parsing, but that the kernel accepts.
 */
#include <linux/bpf.h>
#include <stdio.h>

#include "netns.h"
#include "synack.h"
#include "testmain.h"

static const char linux_opts[] = "mss:1460 sack ts:9:0 nop ws:7";

/*
 * The kernel accepts these, and a listener would answer: that the program
 * cannot parse them must not be a bypass.
 */
static const struct {
	const char *what;
	struct spec in;
} hiding[] = {
	{ "three VLAN tags", { .vlan = "qqq", .flags = SYN } },
	{ "a service tag outside of two", { .vlan = "aqq", .flags = SYN } },
	{ "four VLAN tags, IPv6",
	  { .v6 = true, .vlan = "qqqq", .flags = SYN } },
	{ "IPv6, nine headers",
	  { .v6 = true, .ext = "hdddddddd", .flags = SYN } },
	{ "IPv6, nine headers, ACK",
	  { .v6 = true, .ext = "hdddddddd", .flags = ACK } },
};

static void hides_its_header(void **state)
{
	unsigned i, bad = 0;

	(void)state;
	for (i = 0; i < sizeof(hiding) / sizeof(hiding[0]); i++)
		bad += !expect_spec(hiding[i].what, &hiding[i].in, XDP_DROP,
				    REASON_unreadable);
	assert_int_equal(bad, 0);
}

static unsigned run_hiding(const char *what, enum reason reason)
{
	unsigned i, bad = 0;
	char text[96];

	for (i = 0; i < sizeof(hiding) / sizeof(hiding[0]); i++) {
		snprintf(text, sizeof(text), "%s: %s", what, hiding[i].what);
		bad += !expect_spec(text, &hiding[i].in, XDP_PASS, reason);
	}
	return bad;
}

/* They pass if nothing is protected, or if they are for another host. */
static void hides_from_nobody(void **state)
{
	struct iface other = { .ifindex = LO, .mtu = MTU };
	unsigned bad = 0;

	(void)state;
	harness.cfg.flags |= SETTING_DISARMED;
	harness_settings();
	bad += run_hiding("going down", REASON_not_tcp);
	harness.cfg.flags &= ~(SETTING_DISARMED | SETTING_GUARDED);
	harness_settings();
	bad += run_hiding("nothing is armed", REASON_not_tcp);
	harness.cfg.flags |= SETTING_GUARDED;
	harness_settings();
	memcpy(other.mac, foreign_mac, 6);
	harness_iface(&other);
	bad += run_hiding("to another MAC", REASON_other_host);
	assert_int_equal(bad, 0);
}

/* RFC 1858, RFC 3128: unpadded, and padded so that it looks complete. */
static void tiny_fragments(void **state)
{
	static const uint8_t lens[] = { 8, 16 };
	static struct frame in;
	unsigned i, bad = 0;
	char what[64];

	(void)state;
	for (i = 0; i < 4; i++) {
		bool padded = i & 1;
		uint8_t len = lens[i / 2];

		packet_build(&(struct spec){ .frag = 0x2000,
					     .flags = SYN,
					     .opts = linux_opts },
			     &in);
		in.data[in.l3 + 3] = 20 + len;
		if (!padded)
			in.len = in.l4 + len;
		snprintf(what, sizeof(what), "IPv4, %u bytes%s", len,
			 padded ? ", padded" : "");
		bad += !expect(what, &in, XDP_DROP, REASON_unreadable, NULL);

		packet_build(&(struct spec){ .v6 = true,
					     .ext = "f",
					     .flags = SYN,
					     .opts = linux_opts },
			     &in);
		in.data[in.l3 + 5] = 8 + len;
		if (!padded)
			in.len = in.l4 + len;
		snprintf(what, sizeof(what), "IPv6, %u bytes%s", len,
			 padded ? ", padded" : "");
		bad += !expect(what, &in, XDP_DROP, REASON_unreadable, NULL);
	}
	assert_int_equal(bad, 0);
}

/* For ipv6_rcv() a length of 0 before hop-by-hop options means "the rest". */
static void ipv6_without_length(void **state)
{
	static struct frame in, out;
	struct spec syn = { .v6 = true, .ext = "h", .flags = SYN };

	(void)state;
	packet_build(&syn, &in);
	in.data[in.l3 + 4] = in.data[in.l3 + 5] = 0;
	synack_reference(&syn, &in, &out);
	assert_true(expect("hop-by-hop options, payload length 0", &in, XDP_TX,
			   REASON_answered, &out));
	packet_build(&(struct spec){ .v6 = true, .flags = SYN }, &in);
	in.data[in.l3 + 4] = in.data[in.l3 + 5] = 0;
	assert_true(expect("payload length 0", &in, XDP_DROP, REASON_bad_header,
			   NULL));
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test_setup(hides_its_header, harness_setup),
	cmocka_unit_test_setup(hides_from_nobody, harness_setup),
	cmocka_unit_test_setup(tiny_fragments, harness_setup),
	cmocka_unit_test_setup(ipv6_without_length, harness_setup),
};

TEST_MAIN(tests)
