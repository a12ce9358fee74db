/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the life cycle of a session, as one table of
 * transitions. What is observed of a connection, in packets of both directions
 * or in the state of the kernel's socket, becomes an input; a state and an
 * input give the next state and an event. What is not in the table changes
 * nothing: a retransmitted FIN, an old acknowledgement, a SYN in
 * mid-connection.
 *
 * The table is pure. Whoever feeds it has checked the sequence numbers (BPF:
 * bpf/session/track.bpf.h) or asked the kernel (the daemon). Acknowledgements
 * are cumulative, so the next packet makes up for a lost input, and only the
 * two closing handshakes (RFC 9293 section 3.6) need states of their own:
 *
 *	FREE -> PENDING -> ESTABLISHED -> HALF_CLOSED_* -> CLOSING* -> TIME_WAIT
 *
 * A session is live from PENDING to CLOSING*: it was opened by ADMITTED or
 * ADOPTED and ends with exactly one of the events in session_is_end(). OPENING
 * is not a session yet (the kernel makes the handshake itself, or XDP found a
 * valid cookie and tc has not yet admitted the segment), and TIME_WAIT no
 * longer is. docs/SESSIONS.md has a diagram of the table.
 */
#ifndef SYNKEEPER_SESSION_STATE_H
#define SYNKEEPER_SESSION_STATE_H

#include "types.h"

/* X(name, "what people read") */
#define SYNKEEPER_STATES(X)                                                    \
	X(FREE, "free")                                                        \
	X(OPENING, "opening") /* a SYN or an ACK on its way to the kernel */   \
	X(PENDING, "pending") /* the kernel took it, no socket seen yet */     \
	X(ESTABLISHED, "established")                                          \
	X(HALF_CLOSED_CLIENT, "half-closed-client") /* client sent FIN */      \
	X(HALF_CLOSED_SERVER, "half-closed-server")                            \
	X(CLOSING, "closing")	     /* both sent FIN, neither acknowledged */ \
	X(CLOSING_SERVER, "closing") /* the server's FIN is unacknowledged */  \
	X(CLOSING_CLIENT, "closing") /* the client's FIN is unacknowledged */  \
	X(TIME_WAIT, "time-wait")

/* Packed into one byte rather than a __u8, so that bpftool shows the name. */
enum __attribute__((packed)) session_state {
#define X(name, text) SESSION_##name,
	SYNKEEPER_STATES(X)
#undef X
		SESSION_STATES
};

static __always_inline bool session_is_live(__u8 state)
{
	return state >= SESSION_PENDING && state < SESSION_TIME_WAIT;
}

/*
 * Inputs, in the order in which those of one packet are applied. SOCKET comes
 * before the FINs, so that a FIN finds an established session.
 */
enum session_input {
	INPUT_ADMITTED,	  /* the kernel took an ACK with a valid cookie */
	INPUT_SYN,	  /* a SYN that the kernel answers or sends */
	INPUT_LINGER,	  /* the kernel has a TIME-WAIT socket */
	INPUT_NOT_CLOSED, /* the kernel, asked later, has seen no FIN */
	INPUT_SOCKET,	  /* the kernel has a full socket */
	INPUT_CLIENT_FIN, /* in window */
	INPUT_SERVER_FIN,
	INPUT_CLIENT_FIN_ACKED, /* by the server */
	INPUT_SERVER_FIN_ACKED,
	INPUT_SERVER_RST,
	INPUT_GONE,	  /* the kernel no longer has a socket */
	INPUT_GONE_RESET, /* the same, after the client sent RST */
	INPUT_IDLE,	  /* the state's timeout has expired */
	INPUT_KILLED,
	INPUT_EVICTED,
	SESSION_INPUTS
};

/* X(NAME, "event", "by", "what happened"); append only, they index totals. */
#define SYNKEEPER_EVENTS(X)                                                    \
	X(ADMITTED, "admitted", "", "opened by a valid cookie")                \
	X(ADOPTED, "adopted", "", "opened: the kernel had its socket")         \
	X(ESTABLISHED, "established", "", "admitted, and its socket was seen") \
	X(HALF_CLOSED_CLIENT, "half-closed", "client", "the client sent FIN")  \
	X(HALF_CLOSED_SERVER, "half-closed", "server", "the server sent FIN")  \
	X(CLOSING, "closing", "", "both sent FIN")                             \
	X(CLOSED, "closed", "", "ended: both FINs acknowledged")               \
	X(RESET_CLIENT, "reset", "client", "ended: the client sent RST")       \
	X(RESET_SERVER, "reset", "server", "ended: the server sent RST")       \
	X(TIMEOUT, "timeout", "", "ended: idle too long, or no socket")        \
	X(KILLED, "killed", "", "ended: by the operator")                      \
	X(EVICTED, "evicted", "", "ended: forgotten, the table was full")      \
	X(FORGOTTEN, "forgotten", "", "closed before, made room in the table")

enum session_event {
	EV_NONE,
#define X(name, event, by, text) EV_##name,
	SYNKEEPER_EVENTS(X)
#undef X
		SESSION_EVENTS
};

static __always_inline bool session_is_open(__u8 event)
{
	return event == EV_ADMITTED || event == EV_ADOPTED;
}

static __always_inline bool session_is_end(__u8 event)
{
	return event >= EV_CLOSED && event <= EV_EVICTED;
}

/* X(from, input, to, event) */
#define SYNKEEPER_TRANSITIONS(X)                                           \
	X(FREE, ADMITTED, PENDING, ADMITTED)                               \
	X(FREE, SYN, OPENING, NONE)                                        \
	X(FREE, LINGER, TIME_WAIT, NONE)                                   \
	X(FREE, SOCKET, ESTABLISHED, ADOPTED)                              \
                                                                           \
	X(OPENING, ADMITTED, PENDING, ADMITTED)                            \
	X(OPENING, LINGER, TIME_WAIT, NONE)                                \
	X(OPENING, SOCKET, ESTABLISHED, ADOPTED)                           \
	X(OPENING, SERVER_RST, FREE, NONE)                                 \
	X(OPENING, GONE_RESET, FREE, NONE)                                 \
	X(OPENING, IDLE, FREE, NONE)                                       \
	X(OPENING, KILLED, FREE, NONE)                                     \
	X(OPENING, EVICTED, FREE, NONE)                                    \
                                                                           \
	X(PENDING, SOCKET, ESTABLISHED, ESTABLISHED)                       \
	X(PENDING, SERVER_RST, FREE, RESET_SERVER)                         \
	X(PENDING, GONE_RESET, FREE, RESET_CLIENT)                         \
	X(PENDING, IDLE, FREE, TIMEOUT)                                    \
	X(PENDING, KILLED, FREE, KILLED)                                   \
	X(PENDING, EVICTED, FREE, EVICTED)                                 \
                                                                           \
	X(ESTABLISHED, CLIENT_FIN, HALF_CLOSED_CLIENT, HALF_CLOSED_CLIENT) \
	X(ESTABLISHED, SERVER_FIN, HALF_CLOSED_SERVER, HALF_CLOSED_SERVER) \
	X(ESTABLISHED, SERVER_RST, FREE, RESET_SERVER)                     \
	X(ESTABLISHED, GONE, FREE, TIMEOUT)                                \
	X(ESTABLISHED, GONE_RESET, FREE, RESET_CLIENT)                     \
	X(ESTABLISHED, IDLE, FREE, TIMEOUT)                                \
	X(ESTABLISHED, KILLED, FREE, KILLED)                               \
	X(ESTABLISHED, EVICTED, FREE, EVICTED)                             \
                                                                           \
	X(HALF_CLOSED_CLIENT, SERVER_FIN, CLOSING, CLOSING)                \
	X(HALF_CLOSED_CLIENT, SERVER_RST, FREE, RESET_SERVER)              \
	X(HALF_CLOSED_CLIENT, NOT_CLOSED, ESTABLISHED, NONE)               \
	X(HALF_CLOSED_CLIENT, GONE, FREE, TIMEOUT)                         \
	X(HALF_CLOSED_CLIENT, GONE_RESET, FREE, RESET_CLIENT)              \
	X(HALF_CLOSED_CLIENT, IDLE, FREE, TIMEOUT)                         \
	X(HALF_CLOSED_CLIENT, KILLED, FREE, KILLED)                        \
	X(HALF_CLOSED_CLIENT, EVICTED, FREE, EVICTED)                      \
                                                                           \
	X(HALF_CLOSED_SERVER, CLIENT_FIN, CLOSING, CLOSING)                \
	X(HALF_CLOSED_SERVER, SERVER_RST, FREE, RESET_SERVER)              \
	X(HALF_CLOSED_SERVER, NOT_CLOSED, ESTABLISHED, NONE)               \
	X(HALF_CLOSED_SERVER, GONE, FREE, TIMEOUT)                         \
	X(HALF_CLOSED_SERVER, GONE_RESET, FREE, RESET_CLIENT)              \
	X(HALF_CLOSED_SERVER, IDLE, FREE, TIMEOUT)                         \
	X(HALF_CLOSED_SERVER, KILLED, FREE, KILLED)                        \
	X(HALF_CLOSED_SERVER, EVICTED, FREE, EVICTED)                      \
                                                                           \
	X(CLOSING, CLIENT_FIN_ACKED, CLOSING_SERVER, NONE)                 \
	X(CLOSING, SERVER_FIN_ACKED, CLOSING_CLIENT, NONE)                 \
	X(CLOSING, SERVER_RST, FREE, RESET_SERVER)                         \
	X(CLOSING, NOT_CLOSED, ESTABLISHED, NONE)                          \
	X(CLOSING, GONE, TIME_WAIT, CLOSED)                                \
	X(CLOSING, GONE_RESET, FREE, RESET_CLIENT)                         \
	X(CLOSING, IDLE, FREE, TIMEOUT)                                    \
	X(CLOSING, KILLED, FREE, KILLED)                                   \
	X(CLOSING, EVICTED, FREE, EVICTED)                                 \
                                                                           \
	X(CLOSING_SERVER, SERVER_FIN_ACKED, TIME_WAIT, CLOSED)             \
	X(CLOSING_SERVER, SERVER_RST, FREE, RESET_SERVER)                  \
	X(CLOSING_SERVER, NOT_CLOSED, ESTABLISHED, NONE)                   \
	X(CLOSING_SERVER, GONE, TIME_WAIT, CLOSED)                         \
	X(CLOSING_SERVER, GONE_RESET, FREE, RESET_CLIENT)                  \
	X(CLOSING_SERVER, IDLE, FREE, TIMEOUT)                             \
	X(CLOSING_SERVER, KILLED, FREE, KILLED)                            \
	X(CLOSING_SERVER, EVICTED, FREE, EVICTED)                          \
                                                                           \
	X(CLOSING_CLIENT, CLIENT_FIN_ACKED, TIME_WAIT, CLOSED)             \
	X(CLOSING_CLIENT, SERVER_RST, FREE, RESET_SERVER)                  \
	X(CLOSING_CLIENT, NOT_CLOSED, ESTABLISHED, NONE)                   \
	X(CLOSING_CLIENT, GONE, TIME_WAIT, CLOSED)                         \
	X(CLOSING_CLIENT, GONE_RESET, FREE, RESET_CLIENT)                  \
	X(CLOSING_CLIENT, IDLE, FREE, TIMEOUT)                             \
	X(CLOSING_CLIENT, KILLED, FREE, KILLED)                            \
	X(CLOSING_CLIENT, EVICTED, FREE, EVICTED)                          \
                                                                           \
	X(TIME_WAIT, SYN, OPENING, NONE) /* RFC 6191 */                    \
	X(TIME_WAIT, IDLE, FREE, NONE)                                     \
	X(TIME_WAIT, KILLED, FREE, NONE)                                   \
	X(TIME_WAIT, EVICTED, FREE, FORGOTTEN)

struct session_transition {
	__u8 changes; /* 0: no transition, no event */
	__u8 to;
	__u8 event;
	__u8 has_event;
};

/* A power of two, so that a mask bounds the index. */
enum { SESSION_TABLE = 16 };

/*
 * The column of an input, from its bit: 0x09af has each number of four bits
 * once (a de Bruijn sequence), so that the product's highest four differ.
 */
#define SESSION_COLUMN(bit) (((bit)*0x09afU & 0xffff) >> 12)

static const struct session_transition
	session_transitions[SESSION_TABLE][SESSION_TABLE] = {
#define X(from, input, to, event)                                         \
	[SESSION_##from][SESSION_COLUMN(1 << INPUT_##input)] =            \
		(struct session_transition){ 1, SESSION_##to, EV_##event, \
					     EV_##event != EV_NONE },
		SYNKEEPER_TRANSITIONS(X)
#undef X
	};
_Static_assert((int)SESSION_STATES <= SESSION_TABLE &&
		       (int)SESSION_INPUTS <= SESSION_TABLE,
	       "the table has room");

/*
 * The state that follows upon @inputs, a mask of 1 << enum session_input, in
 * their order. *@ret_events lists the events (enum session_event), four bits
 * each, the first one lowest.
 */
static __always_inline __u8 session_steps(__u8 state, __u32 inputs,
					  __u64 *ret_events)
{
	__u32 i, n = 0, at = state;
	__u64 evs = 0;

	inputs &= (1 << SESSION_INPUTS) - 1;
	for (i = 0; i < SESSION_INPUTS && inputs; i++, inputs &= inputs - 1) {
		const struct session_transition *m;
		__u32 column = SESSION_COLUMN(inputs & -inputs);

		barrier_var(column); /* the 6.1 verifier needs the mask below */
		m = &session_transitions[at & (SESSION_TABLE - 1)]
					[column & (SESSION_TABLE - 1)];
		/* no branches: the verifier would follow them all */
		at ^= (at ^ m->to) & -(__u32)m->changes;
		evs |= (__u64)m->event << n;
		n = (n + m->has_event * 4) & 63;
	}
	*ret_events = evs;
	return at;
}

/* The states of Linux' tcp_states.h, for both users of this header. */
enum kernel_state {
	KERNEL_ESTABLISHED = 1,
	KERNEL_SYN_SENT,
	KERNEL_SYN_RECV,
	KERNEL_FIN_WAIT1,
	KERNEL_FIN_WAIT2,
	KERNEL_TIME_WAIT,
	KERNEL_CLOSE,
	KERNEL_CLOSE_WAIT,
	KERNEL_LAST_ACK,
	KERNEL_LISTEN,
	KERNEL_CLOSING,
	KERNEL_NEW_SYN_RECV,
};

/*
 * The mask of inputs that follows from the state of the kernel's socket, which
 * is authoritative. 0: none (it is not a connection).
 */
static __always_inline __u32 session_seen_in(__u32 kernel_state)
{
	const __u32 client = 1 << INPUT_CLIENT_FIN |
			     1 << INPUT_CLIENT_FIN_ACKED;
	const __u32 server = 1 << INPUT_SERVER_FIN;

	switch (kernel_state) {
	case KERNEL_SYN_SENT:
	case KERNEL_SYN_RECV:
	case KERNEL_NEW_SYN_RECV:
		return 1 << INPUT_SYN;
	case KERNEL_ESTABLISHED:
		return 1 << INPUT_SOCKET;
	case KERNEL_CLOSE_WAIT:
		return 1 << INPUT_SOCKET | client;
	case KERNEL_FIN_WAIT1:
		return 1 << INPUT_SOCKET | server;
	case KERNEL_FIN_WAIT2:
		return 1 << INPUT_SOCKET | server | 1 << INPUT_SERVER_FIN_ACKED;
	case KERNEL_CLOSING:
	case KERNEL_LAST_ACK:
		return 1 << INPUT_SOCKET | client | server;
	case KERNEL_TIME_WAIT:
		return 1 << INPUT_LINGER | 1 << INPUT_SOCKET | client | server |
		       1 << INPUT_SERVER_FIN_ACKED;
	default:
		return 0;
	}
}

/*
 * The same for a session in @state when the kernel is asked later, with no
 * packet in flight: FINs that it has not seen are reverted.
 */
static __always_inline __u32 session_corrected(__u8 state, __u32 kernel_state)
{
	__u32 seen = session_seen_in(kernel_state), fins = 0;

	if (state == SESSION_HALF_CLOSED_CLIENT)
		fins = 1 << INPUT_CLIENT_FIN;
	else if (state == SESSION_HALF_CLOSED_SERVER)
		fins = 1 << INPUT_SERVER_FIN;
	else if (state >= SESSION_CLOSING && state < SESSION_TIME_WAIT)
		fins = 1 << INPUT_CLIENT_FIN | 1 << INPUT_SERVER_FIN;
	return fins & ~seen ? seen | 1 << INPUT_NOT_CLOSED : seen;
}

#endif
