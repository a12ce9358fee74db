/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: tracks sessions to their end. The client's FIN, RST and
 * last ACK pass through XDP, the server's through tc egress; no other packets
 * get here. They become inputs to the transition table in
 * synkeeper/session_state.h.
 *
 * A client's FIN counts if the owner would accept it; the daemon reverts that
 * if the owner did not (wrong checksum, data missing before it). An RST only
 * sets a flag: the daemon's next walk of the table ends the session if the
 * socket is gone. Waking the daemon for each RST would cost good clients that
 * close with RST more than their handshake does. What the server sends comes
 * from the kernel and is trusted. Exactly one number acknowledges a FIN;
 * neither side can go beyond it and nobody else can guess it.
 */
#ifndef SYNKEEPER_TRACK_BPF_H
#define SYNKEEPER_TRACK_BPF_H

#include "owner/owner.bpf.h"
#include "table.bpf.h"
#include "track_server.bpf.h"

/* How far past the handshake the data of a pending session may be. */
enum { DATA_BEFORE_SOCKET_WINDOW = 1 << 20 };

/* Flags the session if its owner may accept the RST. */
static __always_inline void on_client_rst(struct xdp_md *ctx, struct flow *f,
					  struct session *s)
{
	__u32 seq = f->pkt.seq;
	bool plausible;

	if (s->live.flags & SESSION_RST || s->live.state == SESSION_TIME_WAIT)
		return;
	if (owner_find(ctx, f, false) == OWNER_CONNECTION)
		plausible = owner_takes(&f->owned, seq, seq);
	else
		plausible = !session_has_cookie(s) ||
			    seq - 1 - s->client_isn < DATA_BEFORE_SOCKET_WINDOW;
	if (plausible)
		session_flag(s, SESSION_RST);
}

static __always_inline bool takes_client_fin(struct xdp_md *ctx, struct flow *f,
					     struct session *s, __u32 end)
{
	const struct packet *p = &f->pkt;
	enum owner_has has;

	if (owner_is_behind(f))
		return true; /* nobody to ask */
	has = owner_find(ctx, f, false);

	/* an orphan in FIN-WAIT-2 has only a TIME-WAIT socket in the kernel */
	if (has == OWNER_TIME_WAIT) {
		if (s->live.state != SESSION_HALF_CLOSED_SERVER ||
		    (s->server_fin && p->ack != s->server_fin))
			return false;
		s->server_fin = p->ack;
		return true;
	}
	if (has != OWNER_CONNECTION || !owner_takes(&f->owned, p->seq, end) ||
	    !owner_takes_ack(&f->owned, p->ack))
		return false;
	if (s->live.state == SESSION_HALF_CLOSED_SERVER)
		s->server_fin = f->owned.server_next; /* sent before now */
	return true;
}

/*
 * A packet of the client's that may cause a transition of the session in
 * @f->slot, which is ESTABLISHED or later (for RST: in any state).
 */
__noinline int track_client(struct xdp_md *ctx, struct flow *f)
{
	__u32 inputs = 0, end;
	const struct packet *p;
	struct session *s;
	__u8 state;

	if (!f)
		return 0;
	p = &f->pkt;
	s = session_at(f->slot);
	if (!s)
		return 0;
	state = s->live.state;
	if (p->flags & FLAG_RST) {
		on_client_rst(ctx, f, s);
		return 0;
	}
	if (p->flags & FLAG_FIN && (state == SESSION_ESTABLISHED ||
				    state == SESSION_HALF_CLOSED_SERVER)) {
		end = p->seq + p->l4_len - p->tcp_len + 1;
		if (takes_client_fin(ctx, f, s, end)) {
			s->client_fin = end;
			session_flag(s, SESSION_FIN);
			inputs |= 1 << INPUT_CLIENT_FIN;
		}
	}
	if (server_sent_fin(state) && p->ack == s->server_fin)
		inputs |= 1 << INPUT_SERVER_FIN_ACKED;
	return inputs ? session_feed(f->slot, inputs) : 0;
}

/*
 * A SYN of the client's for the known session in @f->slot. Returns 1 if the
 * owner is to answer it (challenge ACK, half-open request, TIME-WAIT reuse), 0
 * if the owner has no socket: the session is over, and the SYN is like any
 * other.
 */
__noinline int track_syn(struct xdp_md *ctx, struct flow *f)
{
	struct session *s;
	enum owner_has has;

	if (!f)
		return 0;
	s = session_at(f->slot);
	if (!s)
		return 0;
	has = owner_find(ctx, f, false);
	if (!owner_is_taken(has)) {
		if (!session_has_cookie(s))
			session_feed(f->slot, (s->live.flags & SESSION_RST
						       ? 1 << INPUT_GONE_RESET
						       : 1 << INPUT_GONE) |
						      1 << INPUT_IDLE);
		return 0;
	}
	if (has == OWNER_TIME_WAIT) {
		session_feed(f->slot, f->owned.inputs);
		s->born = now_ticks();
		session_feed(f->slot, 1 << INPUT_SYN);
	}
	return 1;
}

#endif
