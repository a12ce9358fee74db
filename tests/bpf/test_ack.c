// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: ACKs of unknown sessions and their cookies: valid,
 * nearly valid, expired, repeated, late, with data.
 */
#include <arpa/inet.h>
#include <linux/bpf.h>
#include <stdio.h>

#include "netns.h"
#include "sessions.h"
#include "synack.h"
#include "testmain.h"

static const struct spec syn4 = { .flags = SYN };
static const struct spec syn6 = { .v6 = true, .flags = SYN };

static struct spec ack_of(const struct spec *syn, const struct handshake *hs)
{
	struct handshake kept;

	return synack_ack(syn, hs, &kept);
}

static bool admitted(const char *what, const struct spec *s)
{
	return expect_spec(what, s, XDP_PASS, REASON_admitted);
}

static bool refused(const char *what, const struct spec *s)
{
	return expect_spec(what, s, XDP_DROP, REASON_bad_cookie);
}

/* The bytes of the actual answer, not of the builder, must be valid. */
static void round_trip(void **state)
{
	static const char *const opts[] = { "mss:1460 sack ts:9:0 nop ws:7",
					    "mss:1460 nop ws:8 nop nop sack",
					    "mss:1460", "" };
	static struct frame in;
	static struct run r;
	unsigned i;

	(void)state;
	for (i = 0; i < 8; i++) {
		struct spec s = { .v6 = i & 1,
				  .flags = SYN,
				  .opts = opts[i / 2] };
		uint8_t *tcp;
		uint32_t isn, tsval = 0;
		char echo[64];

		sessions_clear();
		packet_build(&s, &in);
		harness_run(&in, &r);
		assert_int_equal(r.verdict, XDP_TX);
		tcp = r.data + in.l4;
		memcpy(&isn, tcp + 4, 4);
		memcpy(&tsval, tcp + 28, 4);
		snprintf(echo, sizeof(echo), "nop nop ts:10:%u", ntohl(tsval));
		s = (struct spec){ .v6 = i & 1,
				   .flags = ACK,
				   .seq = CLIENT_ISN + 1,
				   .ack = ntohl(isn) + 1,
				   .opts = i < 2 ? echo : NULL };
		assert_true(admitted(opts[i / 2], &s));
	}
}

static void one_off(void **state)
{
	unsigned i, bad = 0;

	(void)state;
	for (i = 0; i < 4; i++) {
		const struct spec *syn = i & 1 ? &syn6 : &syn4;
		const struct spec good =
			ack_of(syn, i & 2 ? &with_ts : &without_ts);
		struct spec s;

		bad += !refused("seq + 1", (s = good, s.seq++, &s));
		bad += !refused("seq - 1", (s = good, s.seq--, &s));
		bad += !refused("ack + 1", (s = good, s.ack++, &s));
		bad += !refused("ack - 1", (s = good, s.ack--, &s));
		bad += !refused("other epoch bit",
				(s = good, s.ack ^= 1u << 31, &s));
		bad += !refused("other port", (s = good, s.sport = 40001, &s));
		s = good;
		s.src = i & 1 ? "2001:db8:c::8" : "198.51.100.8";
		bad += !refused("other client", &s);
		s = good;
		s.dst = i & 1 ? NEAR6 : NEAR4;
		bad += !refused("other server", &s);
	}
	assert_int_equal(bad, 0);
}

/* Each bit of both numbers counts. */
static void every_bit(void **state)
{
	static struct frame in;
	static const uint8_t at[] = { 4, 8 }; /* seq, ack */
	unsigned i, bit, bad = 0;
	char what[64];

	(void)state;
	for (i = 0; i < sizeof(at) * 2; i++) {
		struct spec s = ack_of(i & 1 ? &syn6 : &syn4, &with_ts);

		for (bit = 0; bit < 32; bit++) {
			packet_build(&s, &in);
			in.data[in.l4 + at[i / 2] + bit / 8] ^= 1 << bit % 8;
			snprintf(what, sizeof(what),
				 "byte %u of TCP, bit %u flipped",
				 at[i / 2] + bit / 8, bit % 8);
			bad += !expect(what, &in, XDP_DROP, REASON_bad_cookie,
				       NULL);
		}
	}
	assert_int_equal(bad, 0);
}

/* A middlebox may do what it likes with timestamps. */
static void any_tsecr(void **state)
{
	static struct frame in;
	unsigned i, bit, bad = 0;
	char what[64];

	(void)state;
	for (i = 0; i < 2; i++) {
		struct spec s = ack_of(i ? &syn6 : &syn4, &with_ts);

		for (bit = 0; bit < 32; bit++) {
			sessions_clear();
			packet_build(&s, &in);
			in.data[in.l4 + 28 + bit / 8] ^= 1 << bit % 8;
			snprintf(what, sizeof(what), "TSecr, bit %u flipped",
				 bit);
			bad += !expect(what, &in, XDP_PASS, REASON_admitted,
				       NULL);
		}
		s.opts = NULL;
		sessions_clear();
		bad += !admitted("timestamps stripped", &s);
	}
	assert_int_equal(bad, 0);
}

static void first_packet_is_not_a_plain_ack(void **state)
{
	const struct first_packet *p;
	unsigned i, bad = 0;

	(void)state;
	for (p = first_packets; p->what; p++) {
		for (i = 0; i < 2; i++) {
			struct spec s = ack_of(i ? &syn6 : &syn4, &with_ts);

			s.flags = p->flags;
			s.data = p->data;
			sessions_clear();
			bad += !admitted(p->what, &s);
		}
	}
	assert_int_equal(bad, 0);
}

static void timestamps_anywhere(void **state)
{
	static const char *const rows[] = {
		"ts:1:%u",
		"ts:1:%u nop nop",
		"nop ts:1:%u nop",
		"nop nop x:050a0000000100000002 ts:1:%u nop nop",
		"nop nop ts:1:%u nop nop x:050a0000000100000002",
		"x:fd06aabbccdd ts:1:%u",
	};
	struct handshake hs = with_ts;
	struct cookie c = synack_cookie(&syn4, &hs);
	struct spec s = ack_of(&syn4, &with_ts);
	unsigned i, bad = 0;
	char opts[96];

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(opts, sizeof(opts), rows[i], c.tsval);
		s.opts = opts;
		sessions_clear();
		bad += !admitted(opts, &s);
	}
	assert_int_equal(bad, 0);
}

static void epochs(void **state)
{
	static const struct {
		const char *what;
		enum reason reason;
	} rows[] = {
		{ "in its epoch", REASON_admitted },
		{ "one epoch later", REASON_admitted },
		{ "two epochs later", REASON_expired_cookie },
		{ "three epochs later", REASON_expired_cookie },
		{ "four epochs later", REASON_bad_cookie },
	};
	unsigned start, i, bad = 0;

	(void)state;
	for (start = 0; start < 4; start++) { /* both slots, with and without */
		struct spec s = ack_of(start & 1 ? &syn6 : &syn4,
				       start & 2 ? &with_ts : &without_ts);

		for (i = 0; i < 5; i++, harness_rotate()) {
			sessions_clear();
			bad += !expect_spec(rows[i].what, &s,
					    i < 2 ? XDP_PASS : XDP_DROP,
					    rows[i].reason);
		}
		if (start == 1)
			harness_rotate();
	}
	assert_int_equal(bad, 0);
}

/* The accept queue was full: each retransmission must be admitted anew. */
static void twice(void **state)
{
	struct spec s = ack_of(&syn4, &with_ts);
	struct tuple t = sessions_tuple(&s);
	struct session first, second;
	struct handshake hs = with_ts;

	(void)state;
	assert_true(admitted("first", &s));
	/* no session yet: tc reports when the kernel has it */
	assert_int_equal(sessions_find(&t, &first), SESSION_OPENING);
	assert_int_equal(first.client_isn, CLIENT_ISN);
	assert_int_equal(first.server_isn, s.ack - 1);
	assert_int_equal(first.client_tsval, ACK_TSVAL);
	assert_int_equal(first.server_tsval, synack_cookie(&syn4, &hs).tsval);
	assert_int_equal(first.live.service, SERVICE_4);
	sessions_renew(&t);
	assert_true(expect_spec("on its heels", &s, XDP_PASS, REASON_session));
	sessions_age(&t);
	assert_true(admitted("second", &s));
	sessions_age(&t);
	s.data = 100;
	s.flags |= PSH;
	assert_true(admitted("with data", &s));
	assert_int_equal(sessions_find(&t, &second), SESSION_OPENING);
	assert_int_equal(sessions_in_set(sessions_set_of(&t)), 1);
}

static void replayed_from_elsewhere(void **state)
{
	struct spec s = ack_of(&syn4, &with_ts);
	struct tuple t;

	(void)state;
	assert_true(admitted("the right client", &s));
	s.src = "198.51.100.99";
	t = sessions_tuple(&s);
	assert_true(refused("another client", &s));
	assert_int_equal(sessions_find(&t, NULL), SESSION_FREE);
}

static void data_before_socket(void **state)
{
	const struct spec good = ack_of(&syn4, &with_ts);
	struct tuple t = sessions_tuple(&good);
	struct spec s = good;
	unsigned bad = 0;

	(void)state;
	assert_true(admitted("handshake", &good));
	s.flags = ACK | PSH;
	s.data = 100;
	s.seq = good.seq + 1460;
	sessions_renew(&t);
	bad += !expect_spec("on its heels", &s, XDP_PASS, REASON_session);
	sessions_age(&t);
	bad += !expect_spec("the second segment", &s, XDP_DROP,
			    REASON_data_before_socket);
	s.seq = good.seq + (1 << 20) - 1;
	bad += !expect_spec("a megabyte ahead", &s, XDP_DROP,
			    REASON_data_before_socket);
	bad += !refused("beyond", (s.seq++, &s));
	bad += !refused("before", (s.seq = good.seq - 1, &s));
	s.seq = good.seq + 1460;
	bad += !refused("another ACK number", (s.ack++, &s));
	assert_int_equal(bad, 0);
}

static void nobody_listens(void **state)
{
	struct spec s = ack_of(&syn4, &with_ts);
	struct tuple t = sessions_tuple(&s);

	(void)state;
	netns_close_all();
	assert_true(expect_spec("valid ACK", &s, XDP_PASS, REASON_no_listener));
	assert_int_equal(sessions_find(&t, NULL), SESSION_FREE);
	s.ack++;
	assert_true(refused("invalid ACK", &s));
}

static void in_a_fragment(void **state)
{
	struct spec s = ack_of(&syn4, &with_ts);

	(void)state;
	s.frag = 0x2000;
	s.data = 512;
	assert_true(expect_spec("valid ACK", &s, XDP_DROP, REASON_fragment));
}

static void disarmed(void **state)
{
	struct spec s = ack_of(&syn4, &with_ts);

	(void)state;
	harness_mode(ENDPOINT_DISARMED);
	assert_true(admitted("cookie in flight", &s));
	s = ack_of(&syn6, &with_ts);
	s.ack++;
	assert_true(
		expect_spec("no cookie", &s, XDP_PASS, REASON_disarmed_ack));
}

static void retired_interface(void **state)
{
	struct spec s = ack_of(&syn4, &with_ts);
	struct iface iface = { .ifindex = LO };

	(void)state;
	memcpy(iface.mac, server_mac, 6);
	harness_iface(&iface);
	assert_true(admitted("cookie in flight", &s));
}

static void kernel_cookie(void **state)
{
	struct spec s = { .src = NEAR4, .flags = SYN, .opts = "mss:1460" };

	(void)state;
	s.ack = netns_kernel_cookie(&s) + 1;
	s.seq = CLIENT_ISN + 1;
	s.flags = ACK;
	s.opts = NULL;
	assert_true(refused("after the kernel's cookies ended", &s));
	harness.cfg.kernel_cookies_until = sessions_now() + 1000;
	harness_settings();
	assert_true(expect_spec("while they are honoured", &s, XDP_PASS,
				REASON_kernel_cookie));
	s.ack++;
	assert_true(refused("off by one", &s));
	s.ack--;
	s.src = CLIENT4;
	assert_true(refused("another client", &s));
}

#define TEST(name)                                                     \
	cmocka_unit_test_setup_teardown(name, harness_setup_listening, \
					harness_teardown)

static const struct CMUnitTest tests[] = {
	TEST(round_trip),
	TEST(one_off),
	TEST(every_bit),
	TEST(any_tsecr),
	TEST(first_packet_is_not_a_plain_ack),
	TEST(timestamps_anywhere),
	TEST(epochs),
	TEST(twice),
	TEST(replayed_from_elsewhere),
	TEST(data_before_socket),
	TEST(nobody_listens),
	TEST(in_a_fragment),
	TEST(disarmed),
	TEST(retired_interface),
	TEST(kernel_cookie),
};

TEST_MAIN(tests)
