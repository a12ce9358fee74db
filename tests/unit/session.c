// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: an independent model of the life cycle of a session.
 * struct conn below holds what RFC 9293 section 3.6 says about a connection:
 * who has sent FIN and whose FIN is acknowledged, as plain facts. Each state of
 * the table is one set of facts, and each input must lead both to the same
 * result. The interaction of two ends is tested in session_close.c and
 * session_ends.c.
 */
#include "testmain.h"

#include "random.h"
#include "sessionfacts.h"

enum { CLIENT, SERVER, SIDES };

/* The phase of a connection and, while open, what is known about its FINs. */
struct conn {
	enum { NOTHING, SYN_PASSED, COOKIE, OPEN, OVER } phase;
	bool fin[SIDES];
	bool acked[SIDES]; /* counts once both FINs are known */
};

static uint8_t conn_state(const struct conn *c)
{
	static const uint8_t closing[2][2] = {
		/* the client's FIN acknowledged: no, yes; server's inside */
		{ SESSION_CLOSING, SESSION_CLOSING_CLIENT },
		{ SESSION_CLOSING_SERVER, SESSION_TIME_WAIT },
	};

	switch (c->phase) {
	case SYN_PASSED:
		return SESSION_OPENING;
	case COOKIE:
		return SESSION_PENDING;
	case OVER:
		return SESSION_TIME_WAIT;
	case OPEN:
		break;
	default:
		return SESSION_FREE;
	}
	if (c->fin[CLIENT] && c->fin[SERVER])
		return closing[c->acked[CLIENT]][c->acked[SERVER]];
	if (c->fin[CLIENT])
		return SESSION_HALF_CLOSED_CLIENT;
	return c->fin[SERVER] ? SESSION_HALF_CLOSED_SERVER
			      : SESSION_ESTABLISHED;
}

static struct conn conn_of(uint8_t state)
{
	static const struct conn facts[SESSION_STATES] = {
		[SESSION_OPENING] = { SYN_PASSED },
		[SESSION_PENDING] = { COOKIE },
		[SESSION_ESTABLISHED] = { OPEN },
		[SESSION_HALF_CLOSED_CLIENT] = { OPEN, { 1, 0 } },
		[SESSION_HALF_CLOSED_SERVER] = { OPEN, { 0, 1 } },
		[SESSION_CLOSING] = { OPEN, { 1, 1 } },
		[SESSION_CLOSING_SERVER] = { OPEN, { 1, 1 }, { 1, 0 } },
		[SESSION_CLOSING_CLIENT] = { OPEN, { 1, 1 }, { 0, 1 } },
		[SESSION_TIME_WAIT] = { OVER },
	};

	return facts[state];
}

/* The session, if there is one, ends with @event. */
static uint8_t conn_end(struct conn *c, uint8_t event)
{
	bool live = c->phase == COOKIE || c->phase == OPEN;

	*c = (struct conn){ NOTHING };
	return live ? event : EV_NONE;
}

static uint8_t conn_fin(struct conn *c, int side)
{
	if (c->phase != OPEN || c->fin[side])
		return EV_NONE; /* sent again, or of no connection */
	c->fin[side] = true;
	if (c->fin[!side])
		return EV_CLOSING;
	return side == CLIENT ? EV_HALF_CLOSED_CLIENT : EV_HALF_CLOSED_SERVER;
}

static uint8_t conn_acked(struct conn *c, int side)
{
	if (c->phase != OPEN || !c->fin[CLIENT] || !c->fin[SERVER])
		return EV_NONE;
	c->acked[side] = true;
	if (!c->acked[!side])
		return EV_NONE;
	*c = (struct conn){ OVER };
	return EV_CLOSED;
}

static uint8_t conn_socket(struct conn *c)
{
	bool admitted = c->phase == COOKIE;

	if (c->phase == OPEN || c->phase == OVER)
		return EV_NONE;
	*c = (struct conn){ OPEN };
	return admitted ? EV_ESTABLISHED : EV_ADOPTED;
}

/* The kernel's socket is gone, and nobody is known to have sent RST. */
static uint8_t conn_gone(struct conn *c)
{
	if (c->phase != OPEN)
		return EV_NONE; /* it had none, or not yet */
	if (!c->fin[CLIENT] || !c->fin[SERVER])
		return conn_end(c, EV_TIMEOUT);
	*c = (struct conn){ OVER }; /* only the last ACK was not seen */
	return EV_CLOSED;
}

/* Applies an input to the connection; returns the event. */
static uint8_t conn_see(struct conn *c, uint32_t input)
{
	bool over = c->phase == OVER;

	switch (input) {
	case INPUT_ADMITTED:
		if (c->phase != NOTHING && c->phase != SYN_PASSED)
			return EV_NONE;
		*c = (struct conn){ COOKIE };
		return EV_ADMITTED;
	case INPUT_SYN: /* mid-connection: the kernel sends a challenge ACK */
		if (c->phase == NOTHING || over)
			*c = (struct conn){ SYN_PASSED };
		return EV_NONE;
	case INPUT_LINGER:
		if (c->phase == NOTHING || c->phase == SYN_PASSED)
			*c = (struct conn){ OVER };
		return EV_NONE;
	case INPUT_SOCKET:
		return conn_socket(c);
	case INPUT_CLIENT_FIN:
		return conn_fin(c, CLIENT);
	case INPUT_SERVER_FIN:
		return conn_fin(c, SERVER);
	case INPUT_CLIENT_FIN_ACKED:
		return conn_acked(c, CLIENT);
	case INPUT_SERVER_FIN_ACKED:
		return conn_acked(c, SERVER);
	case INPUT_NOT_CLOSED:
		if (c->phase == OPEN)
			*c = (struct conn){ OPEN };
		return EV_NONE;
	case INPUT_GONE:
		return conn_gone(c);
	case INPUT_SERVER_RST:
		return over ? EV_NONE : conn_end(c, EV_RESET_SERVER);
	case INPUT_GONE_RESET:
		return over ? EV_NONE : conn_end(c, EV_RESET_CLIENT);
	case INPUT_IDLE:
		return conn_end(c, EV_TIMEOUT);
	case INPUT_KILLED:
		return conn_end(c, EV_KILLED);
	case INPUT_EVICTED:
		return conn_end(c, EV_EVICTED) ?: over ? EV_FORGOTTEN : 0;
	default:
		return EV_NONE;
	}
}

static uint8_t expected_step(uint8_t state, uint32_t input, uint8_t *ret_event)
{
	struct conn c = conn_of(state);

	*ret_event = conn_see(&c, input);
	return conn_state(&c);
}

static void every_move(void **unused)
{
	uint8_t to, event, want_to, want_event;
	uint32_t s, i;

	(void)unused;
	for (s = 0; s < SESSION_STATES; s++) {
		for (i = 0; i < SESSION_INPUTS; i++) {
			want_to = expected_step(s, i, &want_event);
			to = session_step(s, i, &event);
			if (to != want_to || event != want_event)
				fail_msg("%s sees %s: expected %s, telling %s; "
					 "got %s, telling %s",
					 state_names[s], input_names[i],
					 state_names[want_to],
					 event_names[want_event],
					 state_names[to], event_names[event]);
		}
	}
}

/* States and sets of facts map one to one: every_move relies on it. */
static void states_are_facts(void **unused)
{
	uint32_t s;
	uint8_t got;

	(void)unused;
	for (s = 0; s < SESSION_STATES; s++) {
		struct conn c = conn_of(s);

		got = conn_state(&c);
		if (got != s)
			fail_msg("the facts of %s: got %s", state_names[s],
				 state_names[got]);
	}
}

/* One packet may be several inputs: no event may get lost. */
static void one_mask(uint8_t state, uint32_t mask)
{
	struct conn c = conn_of(state);
	char got_text[TOLD_TEXT], want_text[TOLD_TEXT];
	int i, n = 0, opened = 0, ended = 0;
	uint64_t want_events = 0;
	__u64 events;
	uint8_t to, event;

	for (i = 0; i < SESSION_INPUTS; i++) {
		event = mask >> i & 1 ? conn_see(&c, i) : EV_NONE;
		if (event)
			want_events |= (uint64_t)event << 4 * n++;
		opened += session_is_open(event);
		ended += session_is_end(event);
	}
	to = session_steps(state, mask, &events);
	if (to != conn_state(&c) || events != want_events)
		fail_msg("%s sees mask %04x: expected %s, telling %s; got %s, "
			 "telling %s",
			 state_names[state], mask, state_names[conn_state(&c)],
			 told_text(want_events, want_text), state_names[to],
			 told_text(events, got_text));
	if (opened - ended != session_is_live(to) - session_is_live(state))
		fail_msg("%s sees mask %04x: now %s, but opened %d, ended %d",
			 state_names[state], mask, state_names[to], opened,
			 ended);
}

static void every_mask(void **unused)
{
	uint32_t s, mask;

	(void)unused;
	for (s = 0; s < SESSION_STATES; s++)
		for (mask = 0; mask < 1U << SESSION_INPUTS; mask++)
			one_mask(s, mask);
}

/* Long random input: a session is opened and ends, once each, in turn. */
static void random_lives(void **unused)
{
	const uint64_t seed = 0x5e5510;
	struct random r = { seed };
	uint8_t state = SESSION_FREE, event, was;
	int64_t opened = 0, ended = 0;
	uint32_t n, input, ends = 0;

	(void)unused;
	for (n = 0; n < 4000000; n++) {
		/* ends are made rare, so that sessions get long */
		do
			input = random_below(&r, SESSION_INPUTS);
		while (input >= INPUT_SERVER_RST && random_below(&r, 8));
		was = state;
		state = session_step(state, input, &event);
		opened += session_is_open(event);
		ended += session_is_end(event);
		ends |= session_is_end(event) ? 1U << event : 0;
		if (opened - ended != session_is_live(state))
			fail_msg("seed %jx, input %u: %s saw %s, told %s, is "
				 "%s; opened %jd, ended %jd",
				 (uintmax_t)seed, n, state_names[was],
				 input_names[input], event_names[event],
				 state_names[state], (intmax_t)opened,
				 (intmax_t)ended);
	}
	for (n = EV_CLOSED; n <= EV_EVICTED; n++)
		if (!(ends >> n & 1))
			fail_msg("seed %jx: no session ended by %s",
				 (uintmax_t)seed, event_names[n]);
}

static void nothing_else_opens(void **unused)
{
	const uint32_t opens = 1 << INPUT_ADMITTED | 1 << INPUT_SYN |
			       1 << INPUT_LINGER | 1 << INPUT_SOCKET;
	uint8_t event, to;
	uint32_t i;

	(void)unused;
	for (i = 0; i < SESSION_INPUTS; i++) {
		to = session_step(SESSION_FREE, i, &event);
		if ((to != SESSION_FREE) != (opens >> i & 1))
			fail_msg("a free way sees %s: got %s", input_names[i],
				 state_names[to]);
	}
}

/* Whatever is in memory, no index leaves the table. */
static void out_of_range(void **unused)
{
	uint32_t s, i, to;
	uint8_t event;

	(void)unused;
	for (s = 0; s < 256; s++) {
		for (i = 0; i < 256; i++) {
			to = session_step(s, i, &event);
			if ((to != s && to >= SESSION_STATES) ||
			    event >= SESSION_EVENTS)
				fail_msg("state %u sees %u: got state %u, "
					 "event %u",
					 s, i, to, event);
			if (((s & 15) >= SESSION_STATES ||
			     (i & 15) >= SESSION_INPUTS) &&
			    (to != s || event))
				fail_msg("state %u, input %u exist not: "
					 "expected nothing, got state %u, "
					 "event %u",
					 s, i, to, event);
		}
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(states_are_facts),   cmocka_unit_test(every_move),
	cmocka_unit_test(every_mask),	      cmocka_unit_test(random_lives),
	cmocka_unit_test(nothing_else_opens), cmocka_unit_test(out_of_range),
};

TEST_MAIN(tests)
