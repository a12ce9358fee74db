// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: unmatched packets, when the table is known to be
 * complete: which of them cause a socket lookup, and which are dropped without
 * one.
 */
#include <linux/bpf.h>

#include "netns.h"
#include "sessions.h"
#include "synack.h"
#include "testmain.h"

static bool passes(const char *what, const struct spec *s, enum reason reason)
{
	return expect_spec(what, s, XDP_PASS, reason);
}

static bool answered(const char *what, const struct spec *syn)
{
	struct frame in, out;

	packet_build(syn, &in);
	synack_reference(syn, &in, &out);
	return expect(what, &in, XDP_TX, REASON_answered, &out);
}

/*
 * When the table has all of the kernel's connections, a flood of unmatched
 * packets causes no lookups, except in incomplete sets.
 */
static void strays_of_a_complete_table(void **state)
{
	struct spec s = { .src = NEAR4, .sport = 42010, .flags = ACK };
	struct tuple t = sessions_tuple(&s);
	unsigned bad = 0;

	(void)state;
	netns_connect(&s, NULL, NULL);
	harness.cfg.flags |= SETTING_COMPLETE;
	harness_settings();
	sessions_mark(sessions_set_of(&t), false);
	harness_spend_budget();
	bad += !expect_spec("ACK in a flood", &s, XDP_DROP, REASON_bad_cookie);
	s.flags = RST;
	bad += !expect_spec("RST in a flood", &s, XDP_DROP, REASON_stray_rst);
	s.flags = SYN | ACK;
	bad += !expect_spec("SYN+ACK in a flood", &s, XDP_DROP,
			    REASON_bad_flags);
	sessions_mark(sessions_set_of(&t), true);
	s.flags = RST;
	bad += !passes("RST into a marked set", &s, REASON_socket);
	s.flags = ACK;
	bad += !passes("ACK into a marked set", &s, REASON_adopted);
	assert_int_equal(bad, 0);
}

/*
 * A SYN for a connection that the table lacks is the kernel's to answer, like
 * one of a known session: a cookie would interfere. The table may lack
 * connections before the resync is done, and in incomplete sets.
 */
static void syn_of_an_unknown_connection(void **state)
{
	struct spec s = { .src = NEAR4, .sport = 42013, .flags = SYN };
	struct spec stranger = { .src = NEAR4, .sport = 42014, .flags = SYN };
	struct tuple t = sessions_tuple(&s);
	unsigned bad = 0;

	(void)state;
	netns_connect(&s, NULL, NULL);
	bad += !passes("SYN before the resync", &s, REASON_session_syn);
	bad += !answered("a stranger's SYN before the resync", &stranger);
	harness.cfg.flags |= SETTING_COMPLETE;
	harness_settings();
	sessions_mark(sessions_set_of(&t), true);
	bad += !passes("SYN into a marked set", &s, REASON_session_syn);
	sessions_mark(sessions_set_of(&t), false);
	bad += !answered("SYN, and all are known", &s);
	assert_int_equal(bad, 0);
}

/* Without a flood: a connection set up over another interface is found. */
static void few_strays_are_asked_about(void **state)
{
	struct spec s = { .src = NEAR4, .sport = 42011, .flags = ACK };
	struct tuple t = sessions_tuple(&s);

	(void)state;
	netns_connect(&s, NULL, NULL);
	harness.cfg.flags |= SETTING_COMPLETE;
	harness_settings();
	sessions_mark(sessions_set_of(&t), false);
	assert_true(passes("ACK", &s, REASON_adopted));
}

/* The last ACK of a handshake that the kernel makes is not unmatched. */
static void opening_in_a_flood(void **state)
{
	struct spec s = { .src = NEAR4, .sport = 42012, .flags = ACK };
	struct tuple t = sessions_tuple(&s);

	(void)state;
	netns_connect(&s, NULL, NULL);
	sessions_put_state(&s, SESSION_OPENING);
	harness.cfg.flags |= SETTING_COMPLETE;
	harness_settings();
	harness_spend_budget();
	assert_true(passes("ACK", &s, REASON_session));
	assert_int_equal(sessions_find(&t, NULL), SESSION_ESTABLISHED);
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, harness_setup, harness_teardown)

static const struct CMUnitTest tests[] = {
	TEST(strays_of_a_complete_table),
	TEST(syn_of_an_unknown_connection),
	TEST(few_strays_are_asked_about),
	TEST(opening_in_a_flood),
};

TEST_MAIN(tests)
