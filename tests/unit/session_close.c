// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: the closing handshakes of RFC 9293 section 3.6 as inputs
 * to the transition table: named cases, packet by packet; both FINs and their
 * acknowledgements in every order; and the state of the kernel's socket.
 * session_ends.c adds networks that lose packets.
 */
#include "testmain.h"

#include "sessionfacts.h"

/*
 * The two FINs and their acknowledgements in all sequences of eight inputs. The
 * expected result is derived from the whole sequence, not step by step.
 */
enum { FIN_INPUTS = 4, SEQUENCE = 8 };

static int first_at(const uint8_t *seq, int from, int n, uint8_t input)
{
	while (from < n && seq[from] != input)
		from++;
	return from;
}

static int max(int a, int b)
{
	return a > b ? a : b;
}

static uint8_t expected_after(const uint8_t *seq, int n, int *ret_closed_at)
{
	int client = first_at(seq, 0, n, INPUT_CLIENT_FIN);
	int server = first_at(seq, 0, n, INPUT_SERVER_FIN);
	int both = max(client, server);
	int acked_client = first_at(seq, both, n, INPUT_CLIENT_FIN_ACKED);
	int acked_server = first_at(seq, both, n, INPUT_SERVER_FIN_ACKED);

	*ret_closed_at = max(acked_client, acked_server); /* n: it is not */
	if (client == n && server == n)
		return SESSION_ESTABLISHED;
	if (server == n)
		return SESSION_HALF_CLOSED_CLIENT;
	if (client == n)
		return SESSION_HALF_CLOSED_SERVER;
	if (acked_client == n && acked_server == n)
		return SESSION_CLOSING;
	if (acked_client == n)
		return SESSION_CLOSING_CLIENT;
	return acked_server == n ? SESSION_CLOSING_SERVER : SESSION_TIME_WAIT;
}

static void closing_in_every_order(void **unused)
{
	uint8_t seq[SEQUENCE], state, want, event;
	int i, code, want_at, at;
	char text[256];

	(void)unused;
	for (code = 0; code < 1 << 2 * SEQUENCE; code++) {
		state = SESSION_ESTABLISHED;
		at = SEQUENCE;
		text[0] = 0;
		for (i = 0; i < SEQUENCE; i++) {
			seq[i] = INPUT_CLIENT_FIN + (code >> 2 * i & 3);
			strcat(strcat(text, " "), input_names[seq[i]]);
			state = session_step(state, seq[i], &event);
			if (event == EV_CLOSED)
				at = at == SEQUENCE ? i : -1;
		}
		want = expected_after(seq, SEQUENCE, &want_at);
		if (state != want || at != want_at)
			fail_msg("%s: expected %s, closed by input %d; got "
				 "%s, input %d (%d: never, -1: twice)",
				 text, state_names[want], want_at,
				 state_names[state], at, SEQUENCE);
	}
}

/* Packet by packet; a row with a name begins with an established session. */
#define IN(input)   (1U << INPUT_##input)
#define SAY(event)  EV_##event
#define THEN(event) ((uint64_t)EV_##event << 4)
#define SERVER_TIME_WAIT                                             \
	(IN(LINGER) | IN(SOCKET) | IN(CLIENT_FIN) | IN(SERVER_FIN) | \
	 IN(CLIENT_FIN_ACKED) | IN(SERVER_FIN_ACKED))

static const struct {
	const char *name;
	uint32_t inputs;
	uint8_t state; /* expected after it */
	uint64_t events;
} packets[] = {
	{ "the client closes first", IN(CLIENT_FIN), SESSION_HALF_CLOSED_CLIENT,
	  SAY(HALF_CLOSED_CLIENT) },
	{ NULL, IN(CLIENT_FIN_ACKED), SESSION_HALF_CLOSED_CLIENT, 0 },
	{ NULL, IN(SERVER_FIN) | IN(CLIENT_FIN_ACKED), SESSION_CLOSING_SERVER,
	  SAY(CLOSING) },
	{ NULL, IN(SERVER_FIN_ACKED), SESSION_TIME_WAIT, SAY(CLOSED) },

	{ "the server closes first", IN(SERVER_FIN), SESSION_HALF_CLOSED_SERVER,
	  SAY(HALF_CLOSED_SERVER) },
	{ NULL, IN(SERVER_FIN_ACKED), SESSION_HALF_CLOSED_SERVER, 0 },
	{ NULL, IN(CLIENT_FIN) | IN(SERVER_FIN_ACKED), SESSION_CLOSING_CLIENT,
	  SAY(CLOSING) },
	{ NULL, IN(CLIENT_FIN_ACKED), SESSION_TIME_WAIT, SAY(CLOSED) },

	{ "both at once", IN(CLIENT_FIN), SESSION_HALF_CLOSED_CLIENT,
	  SAY(HALF_CLOSED_CLIENT) },
	{ NULL, IN(SERVER_FIN), SESSION_CLOSING, SAY(CLOSING) },
	{ NULL, IN(CLIENT_FIN_ACKED), SESSION_CLOSING_SERVER, 0 },
	{ NULL, IN(SERVER_FIN_ACKED), SESSION_TIME_WAIT, SAY(CLOSED) },

	{ "the server's last ACK is lost, the FIN comes again", IN(SERVER_FIN),
	  SESSION_HALF_CLOSED_SERVER, SAY(HALF_CLOSED_SERVER) },
	{ NULL, IN(CLIENT_FIN) | IN(SERVER_FIN_ACKED), SESSION_CLOSING_CLIENT,
	  SAY(CLOSING) },
	{ NULL, IN(CLIENT_FIN_ACKED), SESSION_TIME_WAIT, SAY(CLOSED) },
	{ NULL, IN(CLIENT_FIN) | IN(SERVER_FIN_ACKED), SESSION_TIME_WAIT, 0 },
	{ NULL, IN(CLIENT_FIN_ACKED), SESSION_TIME_WAIT, 0 },

	{ "the server's FIN is acknowledged before the client's own FIN",
	  IN(SERVER_FIN), SESSION_HALF_CLOSED_SERVER, SAY(HALF_CLOSED_SERVER) },
	{ NULL, IN(SERVER_FIN_ACKED), SESSION_HALF_CLOSED_SERVER, 0 },
	{ NULL, IN(SERVER_FIN_ACKED), SESSION_HALF_CLOSED_SERVER, 0 },

	{ "a FIN that the kernel did not take", IN(CLIENT_FIN),
	  SESSION_HALF_CLOSED_CLIENT, SAY(HALF_CLOSED_CLIENT) },
	{ NULL, IN(NOT_CLOSED), SESSION_ESTABLISHED, 0 },
	{ NULL, IN(SERVER_FIN), SESSION_HALF_CLOSED_SERVER,
	  SAY(HALF_CLOSED_SERVER) },

	{ "half-closed, then reset by the server", IN(CLIENT_FIN),
	  SESSION_HALF_CLOSED_CLIENT, SAY(HALF_CLOSED_CLIENT) },
	{ NULL, IN(SERVER_RST), SESSION_FREE, SAY(RESET_SERVER) },
	{ NULL, IN(SERVER_RST), SESSION_FREE, 0 },

	{ "closed, and then its RST", SERVER_TIME_WAIT, SESSION_TIME_WAIT,
	  SAY(HALF_CLOSED_CLIENT) | THEN(CLOSING) |
		  (uint64_t)SAY(CLOSED) << 8 },
	{ NULL, IN(SERVER_RST), SESSION_TIME_WAIT, 0 },
	{ NULL, IN(GONE_RESET), SESSION_TIME_WAIT, 0 },
	{ NULL, IN(GONE), SESSION_TIME_WAIT, 0 },
	{ NULL, IN(IDLE), SESSION_FREE, 0 },

	{ "closed, and reopened by a SYN", SERVER_TIME_WAIT, SESSION_TIME_WAIT,
	  SAY(HALF_CLOSED_CLIENT) | THEN(CLOSING) |
		  (uint64_t)SAY(CLOSED) << 8 },
	{ NULL, IN(SYN), SESSION_OPENING, 0 },
	{ NULL, IN(SYN), SESSION_OPENING, 0 },
	{ NULL, IN(SOCKET), SESSION_ESTABLISHED, SAY(ADOPTED) },

	{ "closed, and a SYN that the kernel does not take", SERVER_TIME_WAIT,
	  SESSION_TIME_WAIT,
	  SAY(HALF_CLOSED_CLIENT) | THEN(CLOSING) |
		  (uint64_t)SAY(CLOSED) << 8 },
	{ NULL, IN(SYN), SESSION_OPENING, 0 },
	{ NULL, SERVER_TIME_WAIT, SESSION_TIME_WAIT, 0 },
};

static void packet_by_packet(void **unused)
{
	char want[TOLD_TEXT], got[TOLD_TEXT];
	const char *name = "";
	uint8_t state = 0, was;
	uint32_t i, n = 0;
	__u64 events;

	(void)unused;
	for (i = 0; i < sizeof(packets) / sizeof(*packets); i++, n++) {
		if (packets[i].name) {
			name = packets[i].name;
			state = SESSION_ESTABLISHED;
			n = 1;
		}
		was = state;
		state = session_steps(was, packets[i].inputs, &events);
		if (state != packets[i].state || events != packets[i].events)
			fail_msg("%s: packet %u, in %s: expected %s, telling "
				 "%s; got %s, telling %s",
				 name, n, state_names[was],
				 state_names[packets[i].state],
				 told_text(packets[i].events, want),
				 state_names[state], told_text(events, got));
	}
}

static void seen(uint8_t state, uint32_t k, uint8_t want, bool first_not_closed)
{
	uint8_t got = state;
	__u64 events;

	if (first_not_closed)
		got = session_steps(got, IN(NOT_CLOSED), &events);
	got = session_steps(got, session_seen_in(k), &events);
	if (got != want)
		fail_msg("%s%s, the kernel's socket is in %s: expected %s, got "
			 "%s",
			 state_names[state],
			 first_not_closed ? ", taken back" : "", kernel[k].name,
			 state_names[want], state_names[got]);
}

/* A session starts in the state of its socket when first seen. */
static void kernel_at_first_sight(void **unused)
{
	uint32_t k;

	(void)unused;
	for (k = 0; k <= KERNEL_NEW_SYN_RECV; k++) {
		bool open = kernel[k].session > SESSION_OPENING;

		seen(SESSION_FREE, k, kernel[k].session, false);
		seen(SESSION_OPENING, k,
		     open ? kernel[k].session : SESSION_OPENING, false);
		seen(SESSION_PENDING, k,
		     open ? kernel[k].session : SESSION_PENDING, false);
		seen(SESSION_ESTABLISHED, k,
		     open ? kernel[k].session : SESSION_ESTABLISHED, false);
	}
}

/*
 * Later the kernel adds FINs that were missed, and reverts those that it has
 * not seen; TIME-WAIT is reached from every state.
 */
static void kernel_asked_later(void **unused)
{
	uint32_t s, k;
	uint8_t got;
	__u64 events;

	(void)unused;
	for (s = SESSION_ESTABLISHED; s < SESSION_TIME_WAIT; s++) {
		for (k = 1; k <= KERNEL_NEW_SYN_RECV; k++) {
			struct fins was = fins_of(s), now;

			if (kernel[k].session <= SESSION_OPENING) {
				seen(s, k, s, false);
				continue;
			}
			seen(s, k, kernel[k].session, true);
			got = session_steps(s, session_seen_in(k), &events);
			now = fins_of(got);
			if (now.client !=
				    (was.client | kernel[k].fins.client) ||
			    now.server != (was.server | kernel[k].fins.server))
				fail_msg("%s, the kernel's socket is in %s: "
					 "expected the FINs of both, got %s",
					 state_names[s], kernel[k].name,
					 state_names[got]);
			if (k == KERNEL_TIME_WAIT)
				seen(s, k, SESSION_TIME_WAIT, false);
		}
	}
}

/* Only a SYN revives an ended session: a socket may be on its way out. */
static void kernel_after_the_end(void **unused)
{
	uint32_t k;

	(void)unused;
	for (k = 0; k <= KERNEL_NEW_SYN_RECV; k++)
		seen(SESSION_TIME_WAIT, k,
		     kernel[k].session == SESSION_OPENING ? SESSION_OPENING
							  : SESSION_TIME_WAIT,
		     false);
}

static void kernel_unheard_of(void **unused)
{
	uint32_t k;

	(void)unused;
	for (k = 0; k < 256; k++)
		if ((k == 0 || k > KERNEL_NEW_SYN_RECV || k == KERNEL_CLOSE ||
		     k == KERNEL_LISTEN) &&
		    session_seen_in(k))
			fail_msg(
				"kernel state %u: expected nothing, got inputs "
				"%04x",
				k, session_seen_in(k));
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(packet_by_packet),
	cmocka_unit_test(closing_in_every_order),
	cmocka_unit_test(kernel_at_first_sight),
	cmocka_unit_test(kernel_asked_later),
	cmocka_unit_test(kernel_after_the_end),
	cmocka_unit_test(kernel_unheard_of),
};

TEST_MAIN(tests)
