// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: ACKs to a service that answers with its listener's own
 * cookies: which ones the listener recognises, and what is recorded in the
 * table. The kernel makes the socket by itself, so there are no attributes to
 * assign.
 */
#include <linux/bpf.h>
#include <stdio.h>

#include "kernelside.h"
#include "netns.h"
#include "sessions.h"
#include "testmain.h"

#define LINUX "mss:1460 sack ts:7777:0 nop ws:7"

/* Numbers close to a valid cookie are valid too, for another MSS. */
enum { OFF = 9 };

static const struct spec syn4 = { .flags = SYN, .opts = LINUX };
static const struct spec syn6 = { .v6 = true, .flags = SYN, .opts = LINUX };

/* The ACK of a cookie that was just made. */
static struct spec ack_of(const struct spec *syn)
{
	struct cookie c = kernelside_cookie(syn);

	return kernelside_ack(syn, &c);
}

static bool refused(const char *what, const struct spec *s)
{
	return expect_spec(what, s, XDP_DROP, REASON_bad_cookie);
}

/*
 * Not counted yet: tc verifies the checksum and reports when the kernel has it.
 * Without a tc program, XDP's verdict counts.
 */
static enum session_state let_in(void)
{
	return harness_assigns() ? SESSION_OPENING : SESSION_PENDING;
}

static bool is_let_in(const char *what, const struct spec *ack,
		      uint16_t service)
{
	struct tuple t = sessions_tuple(ack);
	struct session s = {};

	sessions_find(&t, &s);
	if (s.live.state == let_in() && s.live.service == service &&
	    s.client_isn == ack->seq - 1 && s.server_isn == ack->ack - 1)
		return true;
	fprintf(stderr,
		"%s: expected state %d of service %u, ISNs %u and "
		"%u; "
		"got state %d, service %u, %u and %u\n",
		what, let_in(), service, ack->seq - 1, ack->ack - 1,
		s.live.state, s.live.service, s.client_isn, s.server_isn);
	return false;
}

/* tc has nothing to assign and only verifies the checksum. */
static void becomes_a_session(void **state)
{
	const struct spec rows[] = {
		syn4,
		syn6,
		{ .flags = SYN, .vlan = "aq" },
		{ .flags = SYN, .seq = 0xffffffff }, /* its ACK: 0 */
	};
	static struct frame in;
	static struct run r;
	unsigned i, bad = 0;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct spec ack = ack_of(&rows[i]);

		sessions_clear();
		packet_build(&ack, &in);
		harness_run(&in, &r);
		bad += !expect_run("ACK", &in, &r, XDP_PASS,
				   REASON_kernel_cookie, NULL);
		bad += r.meta_len && r.meta.magic != META_KERNEL;
		bad += !is_let_in("ACK", &ack, ack.v6 ? SERVICE_6 : SERVICE_4);
	}
	assert_int_equal(bad, 0);
}

static void timestamps_are_kept(void **state)
{
	struct answer_spec a = { .hs = { 0, 7, 1, 0, 1 },
				 .opts = "mss:1460 sack ts:COOKIE:7777 nop "
					 "ws:9" };
	struct tuple t = sessions_tuple(&syn4);
	struct session s = {};
	struct spec ack;
	struct cookie c;

	(void)state;
	harness.cfg.flags |= SETTING_KERNEL_TS;
	harness_settings();
	assert_true(kernelside_answered("SYN", &syn4, &a, &c));
	ack = kernelside_ack(&syn4, &c);
	assert_true(kernelside_takes("ACK", &ack));
	assert_int_equal(sessions_find(&t, &s), let_in());
	assert_int_equal(s.client_tsval, ACK_TSVAL);
	assert_int_equal(s.server_tsval, c.tsval);
}

static void first_packet_is_not_a_plain_ack(void **state)
{
	const struct first_packet *p;
	unsigned i, bad = 0;

	(void)state;
	for (p = first_packets; p->what; p++) {
		for (i = 0; i < 2; i++) {
			struct spec s = ack_of(i ? &syn6 : &syn4);

			s.flags = p->flags;
			s.data = p->data;
			sessions_clear();
			bad += !kernelside_takes(p->what, &s);
		}
	}
	assert_int_equal(bad, 0);
}

static void forged(void **state)
{
	unsigned i, bad = 0;

	(void)state;
	for (i = 0; i < 2; i++) {
		const struct spec good = ack_of(i ? &syn6 : &syn4);
		struct spec s;

		sessions_clear();
		bad += !refused("ack + 9", (s = good, s.ack += OFF, &s));
		bad += !refused("ack - 9", (s = good, s.ack -= OFF, &s));
		bad += !refused("seq + 9", (s = good, s.seq += OFF, &s));
		bad += !refused("seq - 9", (s = good, s.seq -= OFF, &s));
		bad += !refused("another minute's",
				(s = good, s.ack += 1 << 24, &s));
		bad += !refused("highest bit",
				(s = good, s.ack ^= 1u << 31, &s));
		bad += !refused("ack 0", (s = good, s.ack = 0, &s));
		bad += !refused("other port", (s = good, s.sport = 40001, &s));
		s = good;
		s.src = i ? "2001:db8:c::8" : "198.51.100.8";
		bad += !refused("other client", &s);
		s = good;
		s.dst = i ? NEAR6 : NEAR4;
		bad += !refused("other server", &s);
		bad += !kernelside_takes("the right one", &good);
	}
	assert_int_equal(bad, 0);
}

/*
 * The kernel adds the client's ISN to its hash, so both numbers may move
 * together. Whoever can do that has seen the cookie.
 */
static void both_numbers_moved(void **state)
{
	struct spec s = ack_of(&syn4);

	(void)state;
	s.seq += 1000;
	s.ack += 1000;
	assert_true(kernelside_takes("both + 1000", &s));
}

static bool is_taken(const struct spec *ack)
{
	static struct frame in;
	static struct run r;

	sessions_clear();
	packet_build(ack, &in);
	harness_run(&in, &r);
	return r.reason == REASON_kernel_cookie;
}

/*
 * What docs/THREATMODEL.md assumes: of the 2^24 numbers of one minute the
 * listener accepts one per MSS, and of other minutes only the previous one's,
 * which are elsewhere.
 */
static void four_numbers_of_a_minute(void **state)
{
	enum { AROUND = 1000 };
	struct spec s = ack_of(&syn4);
	unsigned i, taken = 0, elsewhere = 0;

	(void)state;
	s.ack -= AROUND;
	for (i = 0; i < 2 * AROUND; i++, s.ack++)
		taken += is_taken(&s);
	s = ack_of(&syn4);
	for (i = 1; i < 256; i++) {
		s.ack += 1 << 24;
		elsewhere += is_taken(&s);
	}
	printf("of %d numbers around a cookie %u are taken, of its like in 255 "
	       "other minutes %u\n",
	       2 * AROUND, taken, elsewhere);
	assert_int_equal(taken, 4);
	assert_int_equal(elsewhere, 0);
}

static void twice(void **state)
{
	const struct spec good = ack_of(&syn4);
	struct tuple t = sessions_tuple(&good);
	struct spec s = good;

	(void)state;
	assert_true(kernelside_takes("first", &s));
	sessions_renew(&t);
	assert_true(kernelside_takes("on its heels", &s));
	sessions_age(&t);
	assert_true(kernelside_takes("second", &s));
	s.data = 100;
	s.flags |= PSH;
	assert_true(kernelside_takes("with data", &s));
	assert_true(is_let_in("with data", &s, SERVICE_4));
	assert_int_equal(sessions_in_set(sessions_set_of(&t)), 1);
}

/* The second segment has no cookie, and there may be no socket yet. */
static void data_behind_it(void **state)
{
	const struct spec good = ack_of(&syn4);
	struct tuple t = sessions_tuple(&good);
	struct spec s = good;
	unsigned bad = 0;

	(void)state;
	bad += !kernelside_takes("handshake", &good);
	s.flags = ACK | PSH;
	s.data = 100;
	s.seq = good.seq + 1460;
	sessions_renew(&t);
	bad += !expect_spec("on its heels", &s, XDP_PASS, REASON_session);
	sessions_age(&t);
	bad += !expect_spec("later", &s, XDP_DROP, REASON_data_before_socket);
	bad += !refused("another ACK number", (s.ack += OFF, &s));
	assert_int_equal(bad, 0);
}

/* Lowered to 1, the kernel makes no cookies but accepts those in flight. */
static void tcp_syncookies_lowered(void **state)
{
	const struct spec good = ack_of(&syn4);

	(void)state;
	netns_sysctl("tcp_syncookies", "1");
	assert_true(kernelside_takes("1", &good));
	sessions_clear();
	netns_sysctl("tcp_syncookies", "0");
	assert_true(refused("0: the kernel takes none", &good));
	netns_sysctl("tcp_syncookies", "2");
	assert_true(kernelside_takes("2 again", &good));
}

/* A listener takes no cookie unless it made some in the last two minutes. */
static void another_listener(void **state)
{
	const struct spec good = ack_of(&syn4), good6 = ack_of(&syn6);
	unsigned bad = 0;

	(void)state;
	netns_close_all();
	bad += !refused("nobody listens", &good);
	bad += !refused("nobody listens, IPv6", &good6);
	netns_listen(false, 443);
	if (kernelside_never_is_lately())
		fprintf(stderr, "skip: \"made none\", so soon after boot\n");
	else
		bad += !refused("one that made none", &good);
	ack_of(&syn4);
	bad += !kernelside_takes("now it made one", &good);
	assert_int_equal(bad, 0);
}

static void any_kind_of_listener(void **state)
{
	(void)state;
	if (netns_listen_mptcp(443) < 0) {
		fprintf(stderr, "skip: the kernel has no MPTCP\n");
		skip();
	}
	forged(state);
	netns_close_all();
	netns_listen_dual(443);
	forged(state);
}

/* A service that had its own cookies a moment ago. */
static void own_cookies_in_flight(void **state)
{
	struct handshake hs = { 1460, 7, 1, 0, 1 }, kept;
	struct spec own = synack_ack(&syn4, &hs, &kept);
	static struct frame in;
	static struct run r;

	(void)state;
	packet_build(&own, &in);
	harness_run(&in, &r);
	assert_true(
		expect_run("own", &in, &r, XDP_PASS, REASON_admitted, NULL));
	assert_int_equal(r.meta_len, sizeof(struct meta));
	sessions_clear();
	harness_rotate();
	harness_rotate();
	assert_true(expect_spec("two epochs later", &own, XDP_DROP,
				REASON_expired_cookie));
}

/* ...and the other way round, for as long as the settings say. */
static void kernel_cookies_in_flight(void **state)
{
	const struct spec good = ack_of(&syn4);

	(void)state;
	harness_mode(ENDPOINT_ARMED);
	harness.cfg.kernel_cookies_until = sessions_now() + 1000;
	harness_settings();
	assert_true(kernelside_takes("own cookies now", &good));
	sessions_clear();
	harness.cfg.kernel_cookies_until = sessions_now() - 1;
	harness_settings();
	assert_true(refused("two minutes later", &good));
}

static void modes(void **state)
{
	static const struct {
		const char *what;
		enum endpoint_mode mode;
		enum reason bad;
		bool monitored;
	} rows[] = {
		{ "disarmed", ENDPOINT_DISARMED, REASON_disarmed_ack, false },
		{ "off", ENDPOINT_OFF, REASON_disarmed_ack, false },
		{ "monitored", ENDPOINT_MONITOR, REASON_bad_cookie, true },
	};
	const struct spec good = ack_of(&syn4);
	static struct frame in;
	static struct run r;
	struct spec s = good;
	unsigned i, bad = 0;

	(void)state;
	s.ack += OFF;
	packet_build(&s, &in);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		kernelside_mode(rows[i].mode);
		sessions_clear();
		harness_run(&in, &r);
		bad += !expect_run(rows[i].what, &in, &r, XDP_PASS, rows[i].bad,
				   NULL);
		bad += r.monitored != rows[i].monitored;
		bad += !kernelside_takes(rows[i].what, &good);
	}
	assert_int_equal(bad, 0);
}

static void left_to_the_kernel(void **state)
{
	struct spec good = ack_of(&syn4), s = good;

	(void)state;
	harness.cfg.resets_per_second = 1000;
	harness_settings();
	s.ack += OFF;
	assert_true(expect_spec("forged", &s, XDP_PASS, REASON_reset));
	assert_true(kernelside_takes("the right one", &good));
}

/* The kernel has a socket for it: no cookie is needed. */
static void of_a_connection(void **state)
{
	static const struct spec s = { .src = NEAR4,
				       .sport = 42110,
				       .flags = ACK };
	static const struct spec half = { .sport = 42111, .flags = SYN };
	struct spec ack = half;

	(void)state;
	netns_sysctl("tcp_syncookies", "1"); /* or none would be half-open */
	netns_connect(&s, NULL, NULL);
	netns_half_open(&half);
	assert_true(expect_spec("open", &s, XDP_PASS, REASON_adopted));
	ack.flags = ACK;
	assert_true(expect_spec("half-open", &ack, XDP_PASS, REASON_half_open));
}

/*
 * With a complete table an unmatched packet needs no lookup; but here each may
 * carry a cookie that only the listener recognises.
 */
static void in_a_flood(void **state)
{
	const struct spec good = ack_of(&syn4);
	struct tuple t = sessions_tuple(&good);
	struct spec s = good;
	unsigned bad = 0;

	(void)state;
	harness.cfg.flags |= SETTING_COMPLETE;
	harness_settings();
	sessions_mark(sessions_set_of(&t), false);
	harness_spend_budget();
	bad += !refused("forged", (s.ack += OFF, &s));
	bad += !kernelside_takes("the right one", &good);
	assert_int_equal(bad, 0);
}

#define TEST(name, setup) \
	cmocka_unit_test_setup_teardown(name, setup, harness_teardown)

static const struct CMUnitTest tests[] = {
	TEST(becomes_a_session, kernelside_setup_listening),
	TEST(timestamps_are_kept, kernelside_setup_listening),
	TEST(first_packet_is_not_a_plain_ack, kernelside_setup_listening),
	TEST(forged, kernelside_setup_listening),
	TEST(both_numbers_moved, kernelside_setup_listening),
	TEST(four_numbers_of_a_minute, kernelside_setup_listening),
	TEST(twice, kernelside_setup_listening),
	TEST(data_behind_it, kernelside_setup_listening),
	TEST(tcp_syncookies_lowered, kernelside_setup_listening),
	TEST(another_listener, kernelside_setup_listening),
	TEST(any_kind_of_listener, kernelside_setup),
	TEST(own_cookies_in_flight, kernelside_setup_listening),
	TEST(kernel_cookies_in_flight, kernelside_setup_listening),
	TEST(modes, kernelside_setup_listening),
	TEST(left_to_the_kernel, kernelside_setup_listening),
	TEST(of_a_connection, kernelside_setup),
	TEST(in_a_flood, kernelside_setup_listening),
};

TEST_MAIN(tests)
