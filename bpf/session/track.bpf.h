/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: follows sessions to their end. The client's FIN, RST
 * and last acknowledgement come through XDP, the server's through tc egress;
 * no other packet gets here. What was seen is fed to the table of moves in
 * synkeeper/session.h.
 *
 * A client's FIN counts if the kernel's socket will take it; the daemon takes it
 * back if it has not (a wrong checksum, data missing in front). A RST only marks
 * the session: the daemon's next walk of the table ends it if the socket is
 * gone. To wake the daemon for each would cost good clients that close with RST
 * more than their handshake does. What the server sends is the kernel's own word. A FIN is acknowledged by exactly one
 * number, which neither side can exceed and nobody else can guess.
 */
#ifndef SYNKEEPER_TRACK_BPF_H
#define SYNKEEPER_TRACK_BPF_H

#include "table.bpf.h"
#include "owner/socket.bpf.h"

/* How far ahead of the handshake data of a pending session may be. */
enum { EARLY_DATA_WINDOW = 1 << 20 };

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

/* Marks the session if the kernel may believe the RST. */
static __always_inline void
on_client_rst(struct xdp_md *ctx, const struct packet *p, struct session *s)
{
	struct socket sk;
	bool plausible;

	if (s->live.flags & SESSION_RST || s->live.state == SESSION_TIME_WAIT)
		return;
	socket_lookup(ctx, p, false, &sk);
	if (socket_is_full(&sk))
		plausible = socket_takes(&sk, p->seq, p->seq);
	else
		plausible = !session_has_cookie(s) ||
			    p->seq - 1 - s->client_isn < EARLY_DATA_WINDOW;
	if (plausible)
		session_flag(s, SESSION_RST);
}

static __always_inline bool takes_client_fin(struct xdp_md *ctx,
					     const struct packet *p,
					     struct session *s, __u32 end)
{
	struct socket sk;

	socket_lookup(ctx, p, false, &sk);
	/* FIN-WAIT-2 of a process that is gone: the kernel keeps little */
	if (sk.state == KERNEL_TIME_WAIT) {
		if (s->live.state != SESSION_HALF_CLOSED_SERVER ||
		    (s->server_fin && p->ack != s->server_fin))
			return false;
		s->server_fin = p->ack;
		return true;
	}
	if (!socket_is_full(&sk) || !socket_takes(&sk, p->seq, end) ||
	    !socket_takes_ack(&sk, p->ack))
		return false;
	if (s->live.state == SESSION_HALF_CLOSED_SERVER)
		s->server_fin = sk.write_seq; /* sent before we looked */
	return true;
}

/*
 * A packet of the client's that may move the session in @slot, which is
 * established or beyond (RST: any).
 */
__noinline int follow_client(struct xdp_md *ctx, const struct packet *p,
			     __u32 slot)
{
	struct session *s = session_at(slot);
	__u32 inputs = 0, end;
	__u8 state;

	if (!s || !p)
		return 0;
	state = s->live.state;
	if (p->flags & FLAG_RST) {
		on_client_rst(ctx, p, s);
		return 0;
	}
	if (p->flags & FLAG_FIN && (state == SESSION_ESTABLISHED ||
				    state == SESSION_HALF_CLOSED_SERVER)) {
		end = p->seq + p->l4_len - p->tcp_len + 1;
		if (takes_client_fin(ctx, p, s, end)) {
			s->client_fin = end;
			session_flag(s, SESSION_FIN);
			inputs |= 1 << SEE_CLIENT_FIN;
		}
	}
	if (server_sent_fin(state) && p->ack == s->server_fin)
		inputs |= 1 << SEE_SERVER_FIN_ACKED;
	return inputs ? session_feed(slot, inputs) : 0;
}

/*
 * A SYN of the client's to the known session in @slot. Returns 1 if it is the
 * kernel's to answer: a challenge ACK, a half-open request, TIME-WAIT reuse.
 * 0: the kernel has no socket, so whatever the session was, it is over, and
 * the SYN is a stranger's.
 */
__noinline int follow_syn(struct xdp_md *ctx, const struct packet *p,
			  __u32 slot)
{
	struct session *s = session_at(slot);
	struct socket sk;

	if (!s || !p)
		return 0;
	socket_lookup(ctx, p, false, &sk);
	if (!sk.state || sk.state == KERNEL_LISTEN) {
		if (!session_has_cookie(s))
			session_feed(slot, (s->live.flags & SESSION_RST
						    ? 1 << SEE_GONE_RESET
						    : 1 << SEE_GONE) |
						   1 << SEE_IDLE);
		return 0;
	}
	if (sk.state == KERNEL_TIME_WAIT) {
		session_feed(slot, session_seen_in(KERNEL_TIME_WAIT));
		s->born = now_ticks();
		session_feed(slot, 1 << SEE_SYN);
	}
	return 1;
}

/*
 * A packet of the server's to the session in @slot: @sk_state is that of the
 * socket which sent it, @end what acknowledges all of it.
 */
static __always_inline void follow_server(const struct packet *p,
					  __u32 sk_state, __u32 end, __u32 slot)
{
	struct session *s = session_at(slot);
	__u32 inputs = 0;
	__u8 state;

	if (!s)
		return;
	state = s->live.state;
	if (p->flags & FLAG_RST) {
		session_feed(slot, 1 << SEE_SERVER_RST);
		return;
	}
	if (client_sent_fin(state) && p->ack == s->client_fin)
		inputs |= 1 << SEE_CLIENT_FIN_ACKED;
	if (p->flags & FLAG_FIN && state != SESSION_TIME_WAIT) {
		inputs |= 1 << SEE_SOCKET | 1 << SEE_SERVER_FIN;
		/* it has the client's FIN, whether that was seen here or not */
		if (sk_state == KERNEL_LAST_ACK || sk_state == KERNEL_CLOSING) {
			inputs |= 1 << SEE_CLIENT_FIN |
				  1 << SEE_CLIENT_FIN_ACKED;
			s->client_fin = p->ack;
		}
		s->server_fin = end;
	}
	if (inputs)
		session_feed(slot, inputs);
}

#endif
