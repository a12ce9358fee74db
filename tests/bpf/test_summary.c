/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the summary in front of the session table: what is
 * inserted has its bits in each place that there is, and who has no bits is a
 * stranger. unit/summary_race tests that none get lost as places change.
 */
#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <string.h>

#include "netns.h"
#include "sessions.h"
#include "synack.h"
#include "testmain.h"

static __u64 word(__u32 i)
{
	__u64 value = 0;

	bpf_map_lookup_elem(bpf_map__fd(harness.skel->maps.session_summary), &i,
			    &value);
	return value;
}

static void put_word(__u32 i, __u64 value)
{
	bpf_map_update_elem(bpf_map__fd(harness.skel->maps.session_summary), &i,
			    &value, BPF_ANY);
}

/* Lets summaries be at @now and @next, of so many words; 0: none. */
static void places(__u32 now, bool now_second, __u32 next)
{
	harness.cfg.summary.now = summary_place(SETS, now, now_second);
	harness.cfg.summary.next = next ? summary_place(SETS, next, !now_second)
					: 0;
	harness_settings();
}

/* The words that are not 0 must be those of @t at both places. */
static void only_at(const struct tuple *t, const __u32 place[2])
{
	__u32 set = sessions_set_of(t), i, n;
	struct table_hash h;

	table_hash(&harness.cfg, t, &h);
	for (i = 0; i < 2 * SETS; i++) {
		__u64 want = 0;

		for (n = 0; n < 2; n++)
			if (place[n] && summary_index(place[n], SETS, set) == i)
				want = summary_bits(h.tag);
		if (word(i) != want)
			fail_msg("word %u: expected %016llx, got %016llx", i,
				 want, word(i));
	}
}

static void insertion_sets_bits(void **state)
{
	static const struct {
		__u32 now, next;
		bool second;
	} cases[] = { { 8, 0, false },
		      { SETS, 0, true },
		      { 16, 64, false },
		      { SETS, 2, true } };
	unsigned i;

	(void)state;
	netns_listen(false, 443);
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct tuple t;
		struct spec ack;

		sessions_clear();
		places(cases[i].now, cases[i].second, cases[i].next);
		ack = synack_admitted(20000 + i);
		t = sessions_tuple(&ack);
		only_at(&t, (__u32[]){ harness.cfg.summary.now,
				       harness.cfg.summary.next });
		assert_int_equal(sessions_find(&t, NULL), SESSION_OPENING);
		assert_true(sessions_is_summarized(&t));
	}
}

/* One bit is not enough, and the bits of the half not in use are none. */
static void without_its_bits_a_stranger(void **state)
{
	struct spec s = { .sport = 20100, .flags = ACK };
	struct tuple t = sessions_tuple(&s);
	struct table_hash h;
	__u32 at, other;
	__u64 bits;

	(void)state;
	places(SETS, true, 0);
	at = summary_index(harness.cfg.summary.now, SETS, sessions_set_of(&t));
	other = at - SETS;
	table_hash(&harness.cfg, &t, &h);
	bits = summary_bits(h.tag);
	sessions_put_state(&s, SESSION_ESTABLISHED);
	assert_true(expect_spec("a session's", &s, XDP_PASS, REASON_session));
	put_word(other, ~0ULL);
	put_word(at, ~bits | (bits & -bits));
	assert_true(expect_spec("without one bit", &s, XDP_DROP,
				REASON_bad_cookie));
	put_word(at, bits);
	put_word(other, 0);
	assert_true(expect_spec("with them", &s, XDP_PASS, REASON_session));
}

/* Without a daemon: one word, full of bits. The tags decide. */
static void too_many_bits_do_no_harm(void **state)
{
	struct spec known = { .sport = 20200, .flags = ACK }, stranger = known;

	(void)state;
	stranger.sport++;
	harness.cfg.summary.both = 0;
	harness_settings();
	sessions_put_state(&known, SESSION_ESTABLISHED);
	put_word(0, ~0ULL);
	assert_true(
		expect_spec("a session's", &known, XDP_PASS, REASON_session));
	assert_true(expect_spec("a stranger's", &stranger, XDP_DROP,
				REASON_bad_cookie));
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, harness_setup, harness_teardown)

static const struct CMUnitTest tests[] = {
	TEST(insertion_sets_bits),
	TEST(without_its_bits_a_stranger),
	TEST(too_many_bits_do_no_harm),
};

TEST_MAIN(tests)
