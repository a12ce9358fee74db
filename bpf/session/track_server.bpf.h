/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the server's side of track.bpf.h. Who asks is the owner
 * of the connection, or a hook behind it: no question is left.
 */
#ifndef SYNKEEPER_TRACK_SERVER_BPF_H
#define SYNKEEPER_TRACK_SERVER_BPF_H

#include "packet.bpf.h"
#include "table.bpf.h"

static __always_inline bool server_sent_fin(__u8 state)
{
	return state == SESSION_HALF_CLOSED_SERVER ||
	       state == SESSION_CLOSING || state == SESSION_CLOSING_SERVER;
}

static __always_inline bool client_sent_fin(__u8 state)
{
	return state == SESSION_HALF_CLOSED_CLIENT ||
	       state == SESSION_CLOSING || state == SESSION_CLOSING_CLIENT;
}

/*
 * A packet of the server's in the session in @slot. @end: the number that
 * acknowledges all of it. @has_client_fin: its socket has received the client's
 * FIN.
 */
static __always_inline void
track_server(const struct packet *p, bool has_client_fin, __u32 end, __u32 slot)
{
	struct session *s = session_at(slot);
	__u32 inputs = 0;
	__u8 state;

	if (!s)
		return;
	state = s->live.state;
	if (p->flags & FLAG_RST) {
		session_feed(slot, 1 << INPUT_SERVER_RST);
		return;
	}
	if (client_sent_fin(state) && p->ack == s->client_fin)
		inputs |= 1 << INPUT_CLIENT_FIN_ACKED;
	if (p->flags & FLAG_FIN && state != SESSION_TIME_WAIT) {
		inputs |= 1 << INPUT_SOCKET | 1 << INPUT_SERVER_FIN;
		if (has_client_fin) { /* whether XDP saw it or not */
			inputs |= 1 << INPUT_CLIENT_FIN |
				  1 << INPUT_CLIENT_FIN_ACKED;
			s->client_fin = p->ack;
		}
		s->server_fin = end;
	}
	if (inputs)
		session_feed(slot, inputs);
}

#endif
