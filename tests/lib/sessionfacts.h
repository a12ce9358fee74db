/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: what tests say of sessions. States, events and inputs
 * have the names of the source, since CLOSING and CLOSING_SERVER are both
 * "closing" to users; and each state of the kernel's socket has its meaning.
 */
#ifndef SESSIONFACTS_H
#define SESSIONFACTS_H

#include <stdio.h>

#include "synkeeper/session_state.h"

static const char *const state_names[] = {
#define X(name, text) #name,
	SYNKEEPER_STATES(X)
#undef X
};

static const char *const event_names[] = { "NOTHING",
#define X(name, event, by, text) #name,
					   SYNKEEPER_EVENTS(X)
#undef X
};

#define NAME(input) [INPUT_##input] = #input
static const char *const input_names[SESSION_INPUTS] = {
	NAME(ADMITTED),
	NAME(SYN),
	NAME(LINGER),
	NAME(SOCKET),
	NAME(CLIENT_FIN),
	NAME(SERVER_FIN),
	NAME(CLIENT_FIN_ACKED),
	NAME(SERVER_FIN_ACKED),
	NAME(SERVER_RST),
	NAME(NOT_CLOSED),
	NAME(GONE),
	NAME(GONE_RESET),
	NAME(IDLE),
	NAME(KILLED),
	NAME(EVICTED),
};
#undef NAME

/* session_steps() for one input. */
static inline uint8_t session_step(uint8_t state, unsigned input,
				   uint8_t *ret_event)
{
	__u64 events;

	state = session_steps(state, input < 32 ? 1U << input : 0, &events);
	*ret_event = (uint8_t)events;
	return state;
}

enum { TOLD_TEXT = 512 };

/* The events that session_steps() lists, in words. Returns @buf. */
static inline const char *told_text(uint64_t told, char *buf)
{
	int len = 0;

	strcpy(buf, told ? "" : "NOTHING");
	for (; told; told >>= 4)
		len += snprintf(buf + len, TOLD_TEXT - len, "%s%s",
				len ? " " : "", event_names[told & 15]);
	return buf;
}

struct fins {
	bool client, server;
};

/* What a state knows of the FINs; closing states differ in less than that. */
static inline struct fins fins_of(uint8_t state)
{
	bool both = state >= SESSION_CLOSING;

	return (struct fins){ both || state == SESSION_HALF_CLOSED_CLIENT,
			      both || state == SESSION_HALF_CLOSED_SERVER };
}

static const struct {
	const char *name;
	uint8_t session; /* the state of a session with this socket */
	struct fins fins;
} kernel[] = {
	[0] = { "no socket" },
	[KERNEL_ESTABLISHED] = { "ESTAB", SESSION_ESTABLISHED },
	[KERNEL_SYN_SENT] = { "SYN-SENT", SESSION_OPENING },
	[KERNEL_SYN_RECV] = { "SYN-RECV", SESSION_OPENING },
	[KERNEL_FIN_WAIT1] = { "FIN-WAIT-1",
			       SESSION_HALF_CLOSED_SERVER,
			       { 0, 1 } },
	[KERNEL_FIN_WAIT2] = { "FIN-WAIT-2",
			       SESSION_HALF_CLOSED_SERVER,
			       { 0, 1 } },
	[KERNEL_TIME_WAIT] = { "TIME-WAIT", SESSION_TIME_WAIT, { 1, 1 } },
	[KERNEL_CLOSE] = { "CLOSED" },
	[KERNEL_CLOSE_WAIT] = { "CLOSE-WAIT",
				SESSION_HALF_CLOSED_CLIENT,
				{ 1, 0 } },
	[KERNEL_LAST_ACK] = { "LAST-ACK", SESSION_CLOSING_SERVER, { 1, 1 } },
	[KERNEL_LISTEN] = { "LISTEN" },
	[KERNEL_CLOSING] = { "CLOSING", SESSION_CLOSING_SERVER, { 1, 1 } },
	[KERNEL_NEW_SYN_RECV] = { "NEW-SYN-RECV", SESSION_OPENING },
};

#endif
