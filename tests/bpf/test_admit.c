// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: the tc program as far as a test run allows: the kernel
 * accepts assignments only on real ingress, so here the last step fails with
 * -EINVAL. That error shows that all earlier steps were correct; tests/net
 * checks the socket. What XDP passes to it: test_mark.c.
 */
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>

#include "netns.h"
#include "sessions.h"
#include "synack.h"
#include "testmain.h"

enum { TC_NEXT = -1, TC_DROP = 2 };

static const struct spec syn4 = { .flags = SYN };
static const struct spec syn6 = { .v6 = true, .flags = SYN };
/* Runs tc's program; expects @verdict, @reason counted, the frame unchanged. */
static bool run_tc(const char *what, const struct spec *s, int verdict,
		   enum reason reason)
{
	static struct frame in;
	static struct run r;
	bool ok = true;

	packet_build(s, &in);
	harness_run_tc(&in, &r);
	if ((int)r.verdict != verdict || r.reason != reason) {
		fprintf(stderr, "%s: expected %d (%s), got %d (%s)\n", what,
			verdict, reason_name(reason), (int)r.verdict,
			reason_name(r.reason));
		ok = false;
	}
	return !packet_diff(what, &in, r.data, r.len) && ok;
}

static bool tc_leaves(const char *what, const struct spec *s)
{
	return run_tc(what, s, TC_NEXT, REASON_NONE);
}

static void tc_without_mark(void **state)
{
	struct handshake kept;
	const struct spec rows[] = {
		synack_ack(&syn4, &with_ts, &kept),
		{ .flags = SYN },
		{ .flags = RST },
		{ .flags = ACK, .data = 1000 },
		{ .flags = ACK, .dport = 80 },
		{ .flags = SYN, .frag = 0x2000 },
		{ .v6 = true, .flags = ACK },
		{ .v6 = true, .ext = "?" },
	};
	unsigned i, bad = 0;

	(void)state;
	sessions_put_state(&rows[0], SESSION_PENDING);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		bad += !tc_leaves("no mark", &rows[i]);
	assert_int_equal(bad, 0);
}

static void tc_not_ready(void **state)
{
	struct handshake kept;
	struct spec s = synack_ack(&syn4, &with_ts, &kept);

	(void)state;
	sessions_put_state(&s, SESSION_PENDING);
	harness.cfg.flags = SETTING_NO_META;
	harness_settings();
	assert_true(tc_leaves("not ready", &s));
}

/* Drivers without metadata: tc finds pending sessions and their cookies. */
static void tc_by_session(void **state)
{
	struct handshake kept;
	struct spec s = synack_ack(&syn4, &with_ts, &kept), other = s;
	struct event e;
	unsigned bad = 0;

	(void)state;
	harness.cfg.flags |= SETTING_NO_META;
	harness_settings();
	bad += !tc_leaves("no session", &s);
	sessions_put_state(&s, SESSION_ESTABLISHED);
	bad += !tc_leaves("established", &s);
	sessions_clear();
	sessions_put_state(&s, SESSION_PENDING);
	other.ack++;
	bad += !tc_leaves("pending, but no cookie", &other);
	other = s;
	other.dport = 80;
	bad += !tc_leaves("no service", &other);
	bad += harness_event(&e);
	assert_int_equal(bad, 0);

	assert_true(run_tc("pending", &s, TC_NEXT, REASON_refused));
	assert_true(harness_event(&e));
	assert_int_equal(e.kind, EVENT_REFUSED);
	assert_int_equal(e.error, -EINVAL);
	assert_int_equal(e.service, SERVICE_4);
}

static void break_checksum(struct frame *f)
{
	f->data[f->l4 + 16] ^= 0x55;
}

/* XDP lets @s in; tc is to see it, with a right checksum or a wrong one. */
static bool tc_after_xdp(const char *what, const struct spec *s, bool right,
			 int verdict, enum reason reason)
{
	static struct frame in;
	static struct run r;

	harness.cfg.flags |= SETTING_NO_META;
	harness_settings();
	packet_build(s, &in);
	if (!right)
		break_checksum(&in);
	harness_run(&in, &r);
	assert_int_equal(r.reason, REASON_admitted);
	harness_run_tc(&in, &r);
	if ((int)r.verdict == verdict && r.reason == reason)
		return true;
	fprintf(stderr, "%s: expected %d (%s), got %d (%s)\n", what, verdict,
		reason_name(reason), (int)r.verdict, reason_name(r.reason));
	return false;
}

/*
 * The kernel drops it after tc, silently. Counted as admitted it would be a
 * session without a socket; also with an odd number of data bytes.
 */
static void tc_wrong_checksum(void **state)
{
	static const uint16_t lens[] = { 0, 1, 63, 64, 65, 1399 };
	const struct spec *const syns[] = { &syn4, &syn6 };
	struct handshake kept;
	struct event e;
	unsigned i, bad = 0;
	struct tuple t;
	struct spec s;
	char what[64];

	(void)state;
	for (i = 0; i < 12; i++) {
		s = synack_ack(syns[i % 2], &with_ts, &kept);
		s.data = lens[i / 2];
		t = sessions_tuple(&s);
		sessions_clear();
		snprintf(what, sizeof(what), "%s, %u bytes, wrong",
			 s.v6 ? "IPv6" : "IPv4", s.data);
		bad += !tc_after_xdp(what, &s, false, TC_DROP,
				     REASON_bad_checksum);
		bad += sessions_find(&t, NULL) != SESSION_FREE;
		bad += harness_event(&e);
		snprintf(what, sizeof(what), "%s, %u bytes, right",
			 s.v6 ? "IPv6" : "IPv4", s.data);
		/* as far as a test run goes: see above */
		bad += !tc_after_xdp(what, &s, true, TC_NEXT, REASON_refused);
		harness_event(&e);
	}
	assert_int_equal(bad, 0);
}

/* The kernel drops it at the IP layer, whatever TCP's checksum says. */
static void tc_wrong_ip_checksum(void **state)
{
	struct handshake kept;
	struct spec s = synack_ack(&syn4, &with_ts, &kept);
	struct tuple t = sessions_tuple(&s);
	static struct frame in;
	static struct run r;

	(void)state;
	harness.cfg.flags |= SETTING_NO_META;
	harness_settings();
	packet_build(&s, &in);
	in.data[in.l3 + 10] ^= 0x55;
	harness_run(&in, &r);
	assert_int_equal(r.reason, REASON_admitted);
	harness_run_tc(&in, &r);
	assert_int_equal((int)r.verdict, TC_DROP);
	assert_int_equal(r.reason, REASON_bad_checksum);
	assert_int_equal(sessions_find(&t, NULL), SESSION_FREE);
}

/* What tc or the kernel did not accept leaves no entry. */
static void tc_refused_is_forgotten(void **state)
{
	struct handshake kept;
	struct spec s = synack_ack(&syn4, &with_ts, &kept);
	struct tuple t = sessions_tuple(&s);

	(void)state;
	assert_true(tc_after_xdp("refused", &s, true, TC_NEXT, REASON_refused));
	assert_int_equal(sessions_find(&t, NULL), SESSION_FREE);
}

/* Only so many clients can make the daemon investigate. */
static void tc_refusals_have_a_budget(void **state)
{
	struct handshake kept;
	struct spec s = synack_ack(&syn4, &with_ts, &kept);
	unsigned i, n = 0;
	struct event e;

	(void)state;
	for (i = 0; i < 100; i++)
		assert_true(tc_after_xdp("refused", &s, true, TC_NEXT,
					 REASON_refused));
	while (harness_event(&e))
		n++;
	assert_in_range(n, 1, 30); /* the second may have turned */
}

static void tc_listener_gone(void **state)
{
	struct handshake kept;
	struct spec s = synack_ack(&syn4, &with_ts, &kept);

	(void)state;
	harness.cfg.flags |= SETTING_NO_META;
	harness_settings();
	sessions_put_state(&s, SESSION_PENDING);
	netns_close_all();
	assert_true(run_tc("nobody listens", &s, TC_NEXT, REASON_no_listener));
}

#define TEST(name)                                                     \
	cmocka_unit_test_setup_teardown(name, harness_setup_listening, \
					harness_teardown)

static const struct CMUnitTest tests[] = {
	TEST(tc_without_mark),
	TEST(tc_not_ready),
	TEST(tc_by_session),
	TEST(tc_wrong_checksum),
	TEST(tc_wrong_ip_checksum),
	TEST(tc_refused_is_forgotten),
	TEST(tc_refusals_have_a_budget),
	TEST(tc_listener_gone),
};

TEST_MAIN(tests)
