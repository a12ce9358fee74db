// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: what each transition records in the session stats (the
 * transitions themselves are tested in session.c), and durations at the bounds
 * of the buckets. session_stats_race.c tests several CPUs at once.
 */
#include "testmain.h"

#include "sessionfacts.h"
#include "synkeeper/session_stats.h"

enum { SERVICE = 7, SEEN = 1234, BORN = 1000, NOW = 1300 };

static const union session_word nothing_moved = { .word = 0x5a5a5a5a5a5a5a5a };

static struct session session_in(uint8_t state, uint8_t flags)
{
	struct session s = { .born = BORN };

	s.live.state = state;
	s.live.flags = flags;
	s.live.service = SERVICE;
	s.live.seen = SEEN;
	return s;
}

/* Adds one event or one change of state to @ret. */
static void expect_event(struct session_totals *ret, uint8_t event)
{
	if (!event)
		return;
	ret->events[event]++;
	if (event < EV_CLOSED || event > EV_EVICTED)
		return;
	ret->durations[2]++; /* 300 ticks are 5.03 s */
	ret->duration_ticks += NOW - BORN;
}

static void expect_totals(const struct session_totals *got,
			  const struct session_totals *want, const char *what)
{
	const uint64_t *g = (const uint64_t *)got;
	const uint64_t *w = (const uint64_t *)want;
	size_t i;

	for (i = 0; i < sizeof(*got) / sizeof(*g); i++)
		if (g[i] != w[i])
			fail_msg("%s: word %zu of struct session_totals: "
				 "expected %jd, got %jd",
				 what, i, (intmax_t)w[i], (intmax_t)g[i]);
}

static void one_move(uint8_t state, uint32_t input)
{
	struct session_totals got = {}, want = {};
	struct session s = session_in(state, SESSION_RST);
	struct transition m = { .from = nothing_moved };
	union session_word expected = s.live;
	uint8_t event, to = session_step(state, input, &event);
	bool changes = to != state && state != SESSION_FREE, moved;
	char what[80];

	snprintf(what, sizeof(what), "%s sees %s", state_names[state],
		 input_names[input]);
	got.alive[state] = want.alive[state] = 10;
	if (changes) {
		want.alive[state]--;
		if (to != SESSION_FREE)
			want.alive[to]++;
		expect_event(&want, event);
		expected.state = to;
		if (!session_is_live(to))
			expected.flags = 0; /* of a life that is over */
		if (to == SESSION_FREE)
			expected.word = 0;
	}
	moved = session_stats_transition(&s, &got, SERVICE, 1U << input, 0, NOW,
					 &m);
	if (moved != changes)
		fail_msg("%s: expected %s, got the other", what,
			 changes ? "a move" : "none");
	if (s.live.word != expected.word)
		fail_msg("%s: expected word %016jx, got %016jx", what,
			 (uintmax_t)expected.word, (uintmax_t)s.live.word);
	expect_totals(&got, &want, what);
	if (!moved && m.from.word != nothing_moved.word)
		fail_msg("%s: no move, and yet one is returned", what);
	if (moved && (m.from.state != state || m.to.state != to ||
		      m.events != event || m.to.word != expected.word))
		fail_msg("%s: expected the move from %s to %s, telling %s; "
			 "got %s, %s, %jx",
			 what, state_names[state], state_names[to],
			 event_names[event], state_names[m.from.state],
			 state_names[m.to.state], (uintmax_t)m.events);
}

static void move_by_move(void **unused)
{
	uint32_t s, i;

	(void)unused;
	for (s = 0; s < SESSION_STATES; s++)
		for (i = 0; i < SESSION_INPUTS; i++)
			one_move(s, i);
}

/* An admitted session that the kernel already has in TIME-WAIT. */
static void several_events_in_one_move(void **unused)
{
	struct session_totals got = {}, want = {};
	struct session s = session_in(SESSION_PENDING, 0);
	struct transition m;

	(void)unused;
	got.alive[SESSION_PENDING] = 1;
	want.alive[SESSION_TIME_WAIT] = 1;
	expect_event(&want, EV_ESTABLISHED);
	expect_event(&want, EV_HALF_CLOSED_CLIENT);
	expect_event(&want, EV_CLOSING);
	expect_event(&want, EV_CLOSED);
	if (!session_stats_transition(&s, &got, SERVICE,
				      session_seen_in(KERNEL_TIME_WAIT), 0, NOW,
				      &m))
		fail_msg("pending, the kernel has TIME-WAIT: expected a move");
	expect_totals(&got, &want, "pending, the kernel has TIME-WAIT");
}

/* Clearing flags changes the session, but not the stats. */
static void flags_alone(void **unused)
{
	struct session_totals got = {}, want = {};
	struct session s =
		session_in(SESSION_ESTABLISHED, SESSION_RST | SESSION_REFUSED);
	struct transition m;

	(void)unused;
	got.alive[SESSION_ESTABLISHED] = want.alive[SESSION_ESTABLISHED] = 1;
	if (!session_stats_transition(&s, &got, SERVICE, 0, SESSION_RST, NOW,
				      &m))
		fail_msg("a flag to clear: expected a move, got none");
	if (s.live.flags != SESSION_REFUSED || s.live.service != SERVICE ||
	    s.live.state != SESSION_ESTABLISHED || s.live.seen != SEEN)
		fail_msg("a flag to clear: got word %016jx",
			 (uintmax_t)s.live.word);
	expect_totals(&got, &want, "a flag to clear");
	if (session_stats_transition(&s, &got, SERVICE, 0, SESSION_RST, NOW,
				     &m))
		fail_msg("no flag to clear: expected no move, got one");
}

/* A way may have changed hands since its service was looked up. */
/*
 * The FINs' numbers share memory with the cookie's: a reopened session that
 * kept them looked like one opened by a cookie, and the server's RST was
 * suppressed.
 */
static void reopened_with_its_fins_as_a_cookie(void **unused)
{
	struct session s = session_in(SESSION_TIME_WAIT, 0);
	struct session_totals t = {};
	struct transition m;

	(void)unused;
	s.client_fin = 1000;
	s.server_fin = 2000;
	assert_true(session_stats_transition(&s, &t, SERVICE, 1 << INPUT_SYN, 0,
					     NOW, &m));
	assert_int_equal(s.live.state, SESSION_OPENING);
	assert_int_equal(s.client_isn, 0);
	assert_int_equal(s.server_isn, 0);

	s = session_in(SESSION_OPENING, SESSION_RST);
	s.server_isn = 2000;
	assert_true(session_stats_transition(&s, &t, SERVICE, 0, SESSION_RST,
					     NOW, &m));
	assert_int_equal(s.server_isn, 2000); /* a cookie's stay */
}

static void another_services_session(void **unused)
{
	struct session_totals got = {}, want = {};
	struct session s = session_in(SESSION_ESTABLISHED, SESSION_RST);
	union session_word was = s.live;
	struct transition m;

	(void)unused;
	if (session_stats_transition(&s, &got, SERVICE + 1, 1U << INPUT_KILLED,
				     SESSION_RST, NOW, &m))
		fail_msg("a session of service %d, stats of %d: expected no "
			 "move, got one",
			 SERVICE, SERVICE + 1);
	if (s.live.word != was.word)
		fail_msg("a session of service %d, stats of %d: it changed",
			 SERVICE, SERVICE + 1);
	expect_totals(&got, &want, "another service's session");
}

/* Bounds in ms as operators read them; the last bucket has none. */
static const uint64_t bounds[] = { 100,	   1000,    10000,    60000,   300000,
				   900000, 3600000, 14400000, 86400000 };
enum { BOUNDS = sizeof(bounds) / sizeof(*bounds) };

static void bucket(uint32_t ticks, uint32_t want)
{
	uint32_t got = duration_bucket(ticks);

	if (got != want)
		fail_msg("%u ticks (%.1f ms): expected bucket %u, got %u",
			 ticks, ticks * 16.777216, want, got);
}

/* Whole milliseconds count: 100.7 ms is not above 100. */
static void durations_at_their_bounds(void **unused)
{
	uint64_t above;
	uint32_t i;

	(void)unused;
	if (DURATIONS != BOUNDS + 1)
		fail_msg("expected %d buckets, got %d", BOUNDS + 1, DURATIONS);
	bucket(0, 0);
	for (i = 0; i < BOUNDS; i++) {
		/* the first tick that is over by a whole millisecond */
		above = ((bounds[i] + 1) * 1000000 + (1 << TICK_SHIFT) - 1) >>
			TICK_SHIFT;
		bucket(above - 1, i);
		bucket(above, i + 1);
	}
	bucket(UINT32_MAX, BOUNDS);
}

/* The tick clock wraps after two years of uptime. */
static void duration_over_the_clocks_end(void **unused)
{
	struct session s = session_in(SESSION_ESTABLISHED, 0);
	struct session_totals got = {};
	struct transition m;

	(void)unused;
	s.born = UINT32_MAX - 99;
	if (!session_stats_transition(&s, &got, SERVICE, 1U << INPUT_SERVER_RST,
				      0, 200, &m))
		fail_msg("reset: expected a move, got none");
	if (got.duration_ticks != 300 || got.durations[2] != 1)
		fail_msg("born 100 ticks before the clock's end, ended 200 "
			 "after: expected 300, got %ju",
			 (uintmax_t)got.duration_ticks);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(move_by_move),
	cmocka_unit_test(several_events_in_one_move),
	cmocka_unit_test(flags_alone),
	cmocka_unit_test(reopened_with_its_fins_as_a_cookie),
	cmocka_unit_test(another_services_session),
	cmocka_unit_test(durations_at_their_bounds),
	cmocka_unit_test(duration_over_the_clocks_end),
};

TEST_MAIN(tests)
