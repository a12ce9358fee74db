/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: sets of the session table that are full: what is evicted
 * from them, and that it costs no client its connection.
 */
#include <arpa/inet.h>
#include <linux/bpf.h>
#include <stdio.h>

#include "netns.h"
#include "sessions.h"
#include "synack.h"
#include "testmain.h"

static enum session_state state_of(const struct spec *s)
{
	struct tuple t = sessions_tuple(s);

	return sessions_find(&t, NULL);
}

static bool passes(const char *what, const struct spec *s, enum reason reason)
{
	return expect_spec(what, s, XDP_PASS, reason);
}

/* Gives @s the next port whose tuple falls into @set. */
static void next_in_set(struct spec *s, unsigned set)
{
	struct tuple t;

	do {
		s->sport++;
		assert_int_not_equal(s->sport, 0);
		t = sessions_tuple(s);
	} while (sessions_set_of(&t) != set);
}

enum { SET = 5 };

/*
 * Fills SET with sessions seen 1000 - i ticks ago, all established, but way
 * @odd in @state. Returns their tuples.
 */
static void fill_set(struct spec *s, unsigned odd, enum session_state state,
		     struct tuple ret[SET_WAYS])
{
	unsigned i;

	s->sport = 1024;
	for (i = 0; i < SET_WAYS; i++) {
		struct session session = {};

		next_in_set(s, SET);
		session.tuple = ret[i] = sessions_tuple(s);
		session.live.state = i == odd ? state : SESSION_ESTABLISHED;
		session.live.service = SERVICE_4;
		session.live.seen = sessions_now() - 1000 + i;
		sessions_put(&session);
	}
}

static void check_evicted(struct spec *s, const struct tuple tuples[SET_WAYS],
			  unsigned victim)
{
	struct spec syn, ack;
	struct handshake kept;
	struct tuple opened;
	unsigned i;

	next_in_set(s, SET);
	syn = *s;
	syn.flags = SYN;
	ack = synack_ack(&syn, &with_ts, &kept);
	assert_true(passes("ACK into a full set", &ack, REASON_admitted));
	assert_int_equal(state_of(&ack), SESSION_OPENING);
	opened = sessions_tuple(&ack);
	assert_true(sessions_is_summarized(&opened));
	assert_int_equal(sessions_in_set(SET), SET_WAYS);
	for (i = 0; i < SET_WAYS; i++) {
		bool known = sessions_find(&tuples[i], NULL) != SESSION_FREE;

		if (known != (i != victim))
			fail_msg("session %u is %s, expected to evict %u", i,
				 known ? "known" : "gone", victim);
	}
}

static void evicts_the_longest_idle(void **state)
{
	struct spec s = {};
	struct tuple tuples[SET_WAYS];

	(void)state;
	netns_listen(false, 443);
	fill_set(&s, 5, SESSION_PENDING, tuples);
	sessions_mark(SET, false);
	check_evicted(&s, tuples, 0);
	assert_true(sessions_is_marked(SET));
}

static void evicts_time_wait_first(void **state)
{
	struct spec s = {};
	struct tuple tuples[SET_WAYS];

	(void)state;
	netns_listen(false, 443);
	fill_set(&s, 11, SESSION_TIME_WAIT, tuples);
	check_evicted(&s, tuples, 11);
}

/* Many more handshakes than ways: all are admitted. */
static void overflow_refuses_nobody(void **state)
{
	struct spec syn = { .sport = 1024, .flags = SYN }, ack;
	struct handshake kept;
	unsigned i, bad = 0;

	(void)state;
	netns_listen(false, 443);
	for (i = 0; i < 10 * SET_WAYS; i++) {
		next_in_set(&syn, SET);
		ack = synack_ack(&syn, &with_ts, &kept);
		bad += !passes("ACK", &ack, REASON_admitted);
		bad += state_of(&ack) != SESSION_OPENING;
	}
	assert_int_equal(bad, 0);
	assert_int_equal(sessions_in_set(SET), SET_WAYS);
}

/* Other CPUs are filling every way: no room, but no harm. */
static void set_being_filled(void **state)
{
	struct spec syn = { .sport = 1024, .flags = SYN }, ack;
	struct session_set busy;
	struct handshake kept;
	__u32 set = SET;

	(void)state;
	netns_listen(false, 443);
	memset(&busy, 0x11, sizeof(busy));
	bpf_map__update_elem(harness.skel->maps.session_tags, &set, sizeof(set),
			     &busy, sizeof(busy), 0);
	next_in_set(&syn, SET);
	ack = synack_ack(&syn, &with_ts, &kept);
	assert_true(passes("ACK", &ack, REASON_admitted));
	assert_int_equal(state_of(&ack), SESSION_FREE);
	assert_true(passes("ACK again", &ack, REASON_admitted));
}

/* Writes the address of a client with the set and tag of @t's. */
static void find_twin(struct tuple t, char ret[INET_ADDRSTRLEN])
{
	struct table_hash h, twin;
	__u32 addr = 0x0a000000; /* 10.0.0.0/8 has a few of them */

	table_hash(&harness.cfg, &t, &h);
	do {
		t.client[3] = htonl(++addr);
		assert_int_equal(addr >> 24, 0x0a);
		table_hash(&harness.cfg, &t, &twin);
	} while (twin.tag != h.tag ||
		 (twin.set ^ h.set) & harness.cfg.set_mask);
	inet_ntop(AF_INET, &t.client[3], ret, INET_ADDRSTRLEN);
}

/* Two sessions with the same set and tag are distinguished by tuple. */
static void same_tag(void **state)
{
	struct spec a = { .sport = 1024, .flags = ACK }, b = a;
	char src[INET_ADDRSTRLEN];

	(void)state;
	find_twin(sessions_tuple(&a), src);
	b.src = src;
	sessions_put_state(&a, SESSION_ESTABLISHED);
	assert_true(expect_spec("the other", &b, XDP_DROP, REASON_bad_cookie));
	sessions_put_state(&b, SESSION_TIME_WAIT);
	assert_true(passes("the one", &a, REASON_session));
	assert_true(passes("the other", &b, REASON_session));
	assert_int_equal(state_of(&a), SESSION_ESTABLISHED);
	assert_int_equal(state_of(&b), SESSION_TIME_WAIT);
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, harness_setup, harness_teardown)

static const struct CMUnitTest tests[] = {
	TEST(evicts_the_longest_idle),
	TEST(evicts_time_wait_first),
	TEST(overflow_refuses_nobody),
	TEST(set_being_filled),
	TEST(same_tag),
};

TEST_MAIN(tests)
