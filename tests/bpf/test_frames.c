// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: everything around the TCP header: VLAN tags, IPv4
 * options, IPv6 extension headers, padding, fragments, tailroom for the answer,
 * and frames that are truncated or have wrong lengths.
 */
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>

#include "netns.h"
#include "synack.h"
#include "testmain.h"

static const char linux_opts[] = "mss:1460 sack ts:9:0 nop ws:7";

struct row {
	const char *what;
	struct spec in;
	uint32_t verdict;
	enum reason reason;
};

#define ROWS(rows) (rows), sizeof(rows) / sizeof((rows)[0])

/* Answered SYNs: the answer has none of the SYN's IP options and headers. */
static void run_answered(const struct row *rows, size_t n)
{
	static struct frame in, out;
	unsigned bad = 0;

	for (; n--; rows++) {
		struct spec syn = rows->in;

		syn.flags |= SYN;
		packet_build(&syn, &in);
		synack_reference(&syn, &in, &out);
		bad += !expect(rows->what, &in, XDP_TX, REASON_answered, &out);
	}
	assert_int_equal(bad, 0);
}

static void run_rows(const struct row *rows, size_t n)
{
	unsigned bad = 0;

	for (; n--; rows++)
		bad += !expect_spec(rows->what, &rows->in, rows->verdict,
				    rows->reason);
	assert_int_equal(bad, 0);
}

static void ipv4_headers(void **state)
{
	static const struct row rows[] = {
		{ "4 bytes of IP options", { .ip_opts = 4 } },
		{ "40 bytes of IP options", { .ip_opts = 40 } },
		{ "40 bytes of IP options, TCP options",
		  { .ip_opts = 40, .opts = linux_opts } },
		{ "DF unset, IP id set",
		  { .no_df = true, .ip_id = 4711, .opts = linux_opts } },
		{ "reserved fragment bit", { .frag = 0x8000 } },
		{ "TTL 1", { .ttl = 1 } },
	};

	(void)state;
	run_answered(ROWS(rows));
}

static void ipv6_headers(void **state)
{
	static const struct row rows[] = {
		{ "plain", { .v6 = true, .opts = linux_opts } },
		{ "hop-by-hop", { .v6 = true, .ext = "h" } },
		{ "long hop-by-hop",
		  { .v6 = true, .ext = "H", .opts = linux_opts } },
		{ "destination options", { .v6 = true, .ext = "d" } },
		{ "routing, no segments left", { .v6 = true, .ext = "r" } },
		{ "all of them",
		  { .v6 = true, .ext = "hdrd", .opts = linux_opts } },
		{ "atomic fragment (RFC 6946)",
		  { .v6 = true, .ext = "a", .opts = linux_opts } },
		{ "eight headers", { .v6 = true, .ext = "hddddddd" } },
		{ "traffic class, hop limit 1",
		  { .v6 = true, .tos = 0xff, .ttl = 1 } },
	};

	(void)state;
	run_answered(ROWS(rows));
}

static void vlan_tags(void **state)
{
	static const struct row rows[] = {
		{ "one tag", { .vlan = "q", .opts = linux_opts } },
		{ "802.1ad tag", { .vlan = "a", .opts = linux_opts } },
		{ "two tags", { .vlan = "aq", .opts = linux_opts } },
		{ "two 802.1Q tags", { .vlan = "qq" } },
		{ "one tag, IPv6", { .vlan = "q", .v6 = true } },
		{ "two tags, IPv6, hop-by-hop",
		  { .vlan = "aq", .v6 = true, .ext = "h", .opts = linux_opts } },
		{ "two tags, IP options",
		  { .vlan = "aq", .ip_opts = 40, .opts = linux_opts } },
	};

	(void)state;
	run_answered(ROWS(rows));
}

static void padding(void **state)
{
	static const struct row rows[] = {
		{ "54 bytes: grows by the MSS option", {} },
		{ "54 bytes padded to 60", { .pad = true } },
		{ "57 bytes", { .trailer = 3 } },
		{ "59 bytes", { .trailer = 5 } },
		{ "60 bytes with a trailer", { .trailer = 6 } },
		{ "trailer behind a long SYN",
		  { .trailer = 4, .opts = linux_opts } },
		{ "trailer of 200 bytes", { .trailer = 200 } },
		{ "one tag, padded to 60", { .vlan = "q", .pad = true } },
		{ "IPv6 with a trailer", { .v6 = true, .trailer = 8 } },
	};

	(void)state;
	run_answered(ROWS(rows));
}

static void not_for_us(void **state)
{
	static const struct row rows[] = {
		{ "IPv6, unknown next header",
		  { .v6 = true, .ext = "?", .flags = SYN },
		  WANT(PASS, not_tcp) },
		{ "IPv6, unknown header behind a known one",
		  { .v6 = true, .ext = "h?", .flags = SYN },
		  WANT(PASS, not_tcp) },
		{ "another port",
		  { .dport = 444, .flags = SYN },
		  WANT(PASS, no_service) },
		{ "another port, ACK",
		  { .dport = 444, .flags = ACK },
		  WANT(PASS, no_service) },
		{ "from the service's port",
		  { .sport = 443, .dport = 40000, .flags = SYN | ACK },
		  WANT(PASS, no_service) },
	};

	(void)state;
	run_rows(ROWS(rows));
}

/* One byte of a SYN changed. */
static void other_protocols(void **state)
{
	static const struct {
		const char *what;
		bool v6;
		uint8_t at, value;
	} rows[] = {
		{ "ARP", false, 13, 0x06 },
		{ "MPLS", false, 12, 0x88 },
		{ "802.3 length instead of a type", false, 12, 0x00 },
		{ "UDP", false, 14 + 9, 17 },
		{ "ICMP", false, 14 + 9, 1 },
		{ "ESP", false, 14 + 9, 50 },
		{ "IP in IP", false, 14 + 9, 4 },
		{ "version 5", false, 14, 0x55 },
		{ "version 6 under an IPv4 type", false, 14, 0x65 },
		{ "IPv4 header length 4", false, 14, 0x44 },
		{ "IPv4 header length 0", false, 14, 0x40 },
		{ "IPv4 header beyond the frame", false, 14, 0x4f },
		{ "IPv4 total length 19", false, 17, 19 },
		{ "version 4 under an IPv6 type", true, 14, 0x40 },
		{ "UDP, IPv6", true, 14 + 6, 17 },
		{ "ICMPv6", true, 14 + 6, 58 },
		{ "ESP, IPv6", true, 14 + 6, 50 },
		{ "no next header", true, 14 + 6, 59 },
		{ "AH, IPv6", true, 14 + 6, 51 },
	};
	static struct frame in;
	unsigned i, bad = 0;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		packet_build(&(struct spec){ .v6 = rows[i].v6, .flags = SYN },
			     &in);
		in.data[rows[i].at] = rows[i].value;
		bad += !expect(rows[i].what, &in, XDP_PASS, REASON_not_tcp,
			       NULL);
	}
	assert_int_equal(bad, 0);
}

static void fragments(void **state)
{
	static const struct row rows[] = {
		{ "first fragment with a SYN",
		  { .no_df = true, .frag = 0x2000, .flags = SYN },
		  WANT(DROP, fragment) },
		{ "first fragment with SYN and data",
		  { .frag = 0x2000, .flags = SYN, .data = 512 },
		  WANT(DROP, fragment) },
		{ "first fragment with a SYN to no service",
		  { .dport = 444, .frag = 0x2000, .flags = SYN },
		  WANT(PASS, no_service) },
		{ "first fragment with an ACK of nobody",
		  { .frag = 0x2000, .flags = ACK, .data = 512 },
		  WANT(DROP, bad_cookie) },
		{ "second fragment that looks like a SYN",
		  { .frag = 0x2001, .flags = SYN },
		  WANT(PASS, later_fragment) },
		{ "last fragment that looks like a SYN",
		  { .frag = 0x1fff, .flags = SYN },
		  WANT(PASS, later_fragment) },
		{ "IPv6, first fragment with a SYN",
		  { .v6 = true, .ext = "f", .flags = SYN },
		  WANT(DROP, fragment) },
		{ "IPv6, first fragment behind hop-by-hop",
		  { .v6 = true, .ext = "hf", .flags = SYN },
		  WANT(DROP, fragment) },
		{ "IPv6, first fragment, then destination options",
		  { .v6 = true, .ext = "fd", .flags = SYN },
		  WANT(DROP, fragment) },
		{ "IPv6, first fragment, then an atomic one",
		  { .v6 = true, .ext = "fa", .flags = SYN },
		  WANT(DROP, fragment) },
		{ "IPv6, second fragment that looks like a SYN",
		  { .v6 = true, .ext = "o", .flags = SYN },
		  WANT(PASS, later_fragment) },
	};

	(void)state;
	run_rows(ROWS(rows));
}

static void tcp_header_lengths(void **state)
{
	static struct frame in;
	char what[64];
	unsigned doff, flags, bad = 0;

	(void)state;
	for (flags = SYN; flags; flags = flags == SYN ? ACK : 0) {
		for (doff = 0; doff < 16; doff++) {
			if (doff == 5)
				continue; /* the right one */
			packet_build(
				&(struct spec){ .flags = flags, .trailer = 60 },
				&in);
			in.data[in.l4 + 12] = doff << 4;
			snprintf(what, sizeof(what),
				 "%s, data offset %u in 20 bytes of TCP",
				 flags == SYN ? "SYN" : "ACK", doff);
			bad += !expect(what, &in, XDP_DROP, REASON_bad_header,
				       NULL);
		}
	}
	assert_int_equal(bad, 0);
}

/* The IP header says that there is less than a TCP header; padding follows. */
static void ip_lengths(void **state)
{
	static struct frame in;
	char what[64];
	unsigned len, bad = 0;

	(void)state;
	for (len = 20; len < 60; len++) {
		packet_build(&(struct spec){ .flags = SYN, .opts = linux_opts },
			     &in);
		in.data[in.l3 + 3] = len;
		snprintf(what, sizeof(what), "IPv4 total length %u of 60", len);
		bad += !expect(what, &in, XDP_DROP, REASON_bad_header, NULL);

		packet_build(&(struct spec){ .v6 = true,
					     .flags = SYN,
					     .opts = linux_opts },
			     &in);
		in.data[in.l3 + 5] = len - 20;
		snprintf(what, sizeof(what), "IPv6 payload length %u of 40",
			 len - 20);
		bad += !expect(what, &in, XDP_DROP, REASON_bad_header, NULL);
	}
	assert_int_equal(bad, 0);
}

/* Cut at each length: it may be TCP as soon as there is an IP header. */
static void truncated(void **state)
{
	static const struct spec specs[] = {
		{ .flags = SYN, .opts = linux_opts },
		{ .flags = SYN, .opts = "sack ts:9:0 mss:1460 nop ws:7" },
		{ .flags = SYN, .vlan = "aq", .ip_opts = 8, .opts = "mss:1" },
		{ .flags = SYN, .v6 = true, .opts = linux_opts },
		{ .flags = SYN, .v6 = true, .vlan = "q", .ext = "hdr" },
		{ .flags = ACK, .opts = "nop nop ts:1:2" },
		{ .flags = ACK, .v6 = true, .opts = "ts:1:2 nop nop" },
		{ .flags = RST, .ext = "d", .v6 = true },
	};
	static struct frame in;
	unsigned i, full, bad = 0;
	char what[64];

	(void)state;
	for (i = 0; i < sizeof(specs) / sizeof(specs[0]); i++) {
		packet_build(&specs[i], &in);
		full = in.len;
		for (in.len = 14; in.len < full; in.len++) {
			bool ip = in.len >= in.l3 + (specs[i].v6 ? 40u : 20u);
			bool tcp = in.len >= in.l4 + 20u;
			enum reason r = !ip    ? REASON_not_tcp
					: !tcp ? REASON_unreadable
					: specs[i].flags == SYN
						? REASON_bad_header
						: REASON_bad_cookie;

			snprintf(what, sizeof(what), "frame %u, %u of %u bytes",
				 i, in.len, full);
			bad += !expect(what, &in, ip ? XDP_DROP : XDP_PASS, r,
				       NULL);
		}
	}
	assert_int_equal(bad, 0);
}

/* Reports what cannot be tried: a full buffer, a refusal by the kernel. */
static void run_fragmented(const char *what, const struct frame *in,
			   uint32_t linear, const struct frame *out)
{
	static struct run r;
	int err;

	r.linear = linear;
	err = harness_try(in, &r);
	if (err == -EINVAL || err == -E2BIG) {
		fprintf(stderr, "SKIP: no frames in fragments in test runs\n");
		skip();
	}
	assert_int_equal(err, 0);
	assert_true(expect_run(what, in, &r, XDP_TX, REASON_answered, out));
}

/*
 * A frame whose buffer cannot grow: the MSS option is left out. In a
 * multi-buffer frame the tail is in the last buffer, which is full here.
 */
static void no_room_for_mss(void **state)
{
	static struct frame in, out;
	struct spec syn = { .flags = SYN };
	struct answer_spec a = { .hs = { 536, WSCALE_NONE }, .opts = "" };

	(void)state;
	packet_build(&syn, &in);
	memset(in.data + in.len, 0xee, 4095);
	synack_build(&syn, &in, &a, &out);
	memset(out.data + in.len, 0xee, 4095);
	out.len = in.len += 4095;
	run_fragmented("SYN of 54 bytes", &in, 54, &out);
}

/* A frame larger than a page: its data is in other buffers and is cut off. */
static void multi_buffer(void **state)
{
	struct spec syn = { .flags = SYN, .opts = linux_opts, .data = 8900 };
	static struct frame in, out;

	(void)state;
	packet_build(&syn, &in);
	synack_reference(&syn, &in, &out);
	run_fragmented("SYN with 8900 bytes", &in, 1024, &out);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test_setup(ipv4_headers, harness_setup),
	cmocka_unit_test_setup(ipv6_headers, harness_setup),
	cmocka_unit_test_setup(vlan_tags, harness_setup),
	cmocka_unit_test_setup(padding, harness_setup),
	cmocka_unit_test_setup(not_for_us, harness_setup),
	cmocka_unit_test_setup(other_protocols, harness_setup),
	cmocka_unit_test_setup(fragments, harness_setup),
	cmocka_unit_test_setup(tcp_header_lengths, harness_setup),
	cmocka_unit_test_setup(ip_lengths, harness_setup),
	cmocka_unit_test_setup(truncated, harness_setup),
	cmocka_unit_test_setup(no_room_for_mss, harness_setup),
	cmocka_unit_test_setup(multi_buffer, harness_setup),
};

TEST_MAIN(tests)
