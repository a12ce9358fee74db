/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: step 3 for an ACK (with or without data or FIN) whose
 * session is unknown or still pending. Unless it certainly matches nothing, the
 * owner is asked. A connection that the owner has and the table does not is
 * adopted. Otherwise the ACK must carry a valid cookie, and that is sufficient:
 * it may be the first packet to arrive after a lost ACK, or a retransmission
 * after the accept queue was full. Once there is a verdict, ack_record()
 * updates the session table.
 */
#ifndef SYNKEEPER_ACK_BPF_H
#define SYNKEEPER_ACK_BPF_H

#include "cookie/check.bpf.h"
#include "cookie/lost.bpf.h"
#include "owner/owner.bpf.h"
#include "report/budget.bpf.h"
#include "session/track.bpf.h"
#include "refused.bpf.h"
#include "stray.bpf.h"

/* How long an admitted ACK may sit in the driver's batch. */
enum { RECENT_TICKS = 1 };

/* An ACK that matches nothing. Flood path: without budget, keep it cheap. */
static __always_inline enum reason ack_invalid(const struct settings *cfg,
					       const struct flow *f,
					       struct tcp_opts *o, bool budget)
{
	struct handshake hs;

	if (!is_evaluated(f))
		return REASON_disarmed_ack;
	if (!budget)
		return REASON_bad_cookie;
	if (stray_take_reset(cfg, f))
		return f->ep.cookies == COOKIES_OWN &&
				       lost_handshake(&f->pkt,
						      check_promise(cfg, f))
			       ? REASON_data_before_socket
			       : REASON_reset;
	return check_cookie(cfg, &f->pkt, check_promise(cfg, f), o, KEYS_ENDED,
			    &hs)
		       ? REASON_expired_cookie
		       : REASON_bad_cookie;
}

/* Does it belong to the handshake of the pending session, or come after it? */
static __always_inline bool of_pending(const struct flow *f)
{
	return f->pending && f->pkt.ack - 1 == f->server_isn &&
	       f->pkt.seq - 1 - f->client_isn < DATA_BEFORE_SOCKET_WINDOW;
}

/*
 * May ACK @f carry a cookie that the listener made? Also where its SYN was the
 * listener's to answer (hand_over(), resync) and no request is left: then
 * net.ipv4.tcp_syncookies is 2, or was needed.
 */
static __always_inline bool of_listener(const struct settings *cfg,
					const struct flow *f)
{
	return check_maybe_kernel(cfg, f) || (f->known && !f->pending);
}

/*
 * The listener has TCP_DEFER_ACCEPT, and this ACK brings nothing: as in
 * tcp_check_req() (net/ipv4/tcp_minisocks.c) it is forgotten. The data that
 * follow acknowledge the same number, so they carry the cookie again.
 */
static __always_inline bool is_deferred(const struct flow *f)
{
	return f->ep.flags & ENDPOINT_DEFER && f->owned.has != OWNER_NOTHING &&
	       f->pkt.l4_len == f->pkt.tcp_len && !(f->pkt.flags & FLAG_FIN);
}

/* The owner still holds a half-open or closed connection of the tuple. */
static __always_inline enum reason ack_stale_socket(const struct flow *f,
						    bool valid)
{
	if (valid) {
		owner_clear(f);
		return REASON_stale_socket;
	}
	if (of_pending(f)) /* behind an ACK that waits for the socket to go */
		return REASON_data_before_socket;
	return f->owned.has == OWNER_TIME_WAIT ? REASON_time_wait
					       : REASON_half_open;
}

/*
 * ACK @f, whose cookie is valid, was handed to the kernel before and meets the
 * listener again: did the kernel refuse its source? Not if the accept queue may
 * have been full.
 */
static __always_inline void ack_note_refused(struct settings *cfg,
					     const struct flow *f)
{
	if (f->handed && !f->recent && f->owned.has == OWNER_LISTENER &&
	    of_pending(f) && !queue_is_watched(cfg, f->ep.service))
		refused_mark(cfg, f->pkt.tuple.client);
}

/*
 * What keeps ACK @f, whose cookie is valid, from being handed over now;
 * REASON_NONE: nothing. Not inlined: hardly any ACK comes here, and what it
 * needs on the stack made every other one dearer.
 */
static __noinline enum reason ack_unusual(struct settings *cfg,
					  const struct flow *f)
{
	if (f->pkt.fragment)
		return REASON_fragment; /* reassembly would lose the metadata */
	if (is_deferred(f))
		return REASON_deferred;
	ack_note_refused(cfg, f);
	return REASON_NONE;
}

/*
 * The verdict on an ACK. Stores the timestamps of an admitted one in @f. A
 * global function, for the same reason as answer_syn().
 */
__noinline int ack_verdict(struct xdp_md *ctx, struct flow *f)
{
	struct settings *cfg = get_settings();
	struct handshake hs = {};
	bool valid, budget;
	struct tcp_opts o;
	enum owner_has has;
	enum reason r;

	if (!cfg || !f)
		return REASON_not_ready;
	valid = !tcpopt_ack(ctx, span_of(ctx), &f->pkt, &o) &&
		owner_can_accept(f) &&
		check_live(cfg, &f->pkt, check_promise(cfg, f), &o, &hs);
	budget = valid || budget_take(BUDGET_UNMATCHED, UNMATCHED_PER_SECOND);
	if (!budget && is_surely_unmatched(cfg, f))
		return REASON_bad_cookie;
	has = owner_find(ctx, f, of_listener(cfg, f));
	if (has == OWNER_CONNECTION)
		return REASON_adopted;
	f->tsval = o.tsval;
	f->tsecr = o.tsecr;
	if ((valid || f->owned.made_cookie) &&
	    (f->pkt.fragment || f->handed || f->ep.flags & ENDPOINT_DEFER)) {
		r = ack_unusual(cfg, f);
		if (r)
			return r;
	}
	if (f->owned.made_cookie) {
		if (f->recent && of_pending(f))
			owner_accept_behind(ctx, cfg);
		else
			owner_accept_own(ctx, cfg);
		return REASON_kernel_cookie;
	}
	/*
	 * Back to back with an admitted ACK that is still in the driver's
	 * batch: it will find that ACK's socket. With metadata of its own it
	 * would ask for a second one, and be dropped. If there is no socket
	 * after all, egress() suppresses the kernel's RST and the client
	 * retransmits.
	 */
	if (f->recent && has == OWNER_LISTENER && of_pending(f)) {
		owner_accept_behind(ctx, cfg);
		return REASON_session;
	}
	if (owner_is_taken(has))
		return ack_stale_socket(f, valid);
	if (!valid)
		return of_pending(f) ? REASON_data_before_socket
				     : ack_invalid(cfg, f, &o, budget);
	if (owner_splices(f)) {
		owner_agreed(f, &hs);
		return REASON_spliced;
	}
	if (has == OWNER_NOTHING)
		return REASON_no_listener;
	owner_accept(ctx, cfg, f, &hs, &o);
	return REASON_admitted;
}

/*
 * Updates the session table after verdict @r; @f->slot is the slot of the
 * session if the table has one, else -1. Returns the reason to count.
 */
__noinline int ack_record(struct xdp_md *ctx, struct flow *f, __u32 r)
{
	struct session_new n = {};
	bool begins = r == REASON_admitted || r == REASON_kernel_cookie;
	struct session *s;
	bool known;

	if (!f)
		return r;
	known = f->slot >= 0;
	n.tuple = f->pkt.tuple;
	n.service = f->ep.service;

	if (r == REASON_adopted || r == REASON_time_wait) {
		n.inputs = f->owned.inputs;
		n.client_fin = f->owned.client_next;
		n.server_fin = f->owned.server_next;
	} else if (begins || r == REASON_stale_socket) {
		/* where tc admits, INPUT_ADMITTED comes from there */
		n.inputs = owner_can_accept(f) ? 1 << INPUT_SYN
					       : 1 << INPUT_ADMITTED;
		n.client_isn = f->pkt.seq - 1;
		n.server_isn = f->pkt.ack - 1;
		n.client_tsval = f->tsval;
		n.server_tsval = f->tsecr;
	} else {
		return r;
	}
	if (!known)
		f->slot = session_insert(&n);
	s = session_at(f->slot);
	if (!s)
		return r;
	if (r == REASON_kernel_cookie)
		session_flag(s, SESSION_KERNEL);
	if (r == REASON_stale_socket) /* no ACK in the batch: f->recent */
		s->born = now_ticks() - RECENT_TICKS - 1;
	if (known) {
		s->client_isn = n.client_isn;
		s->server_isn = n.server_isn;
		s->client_tsval = n.client_tsval;
		s->server_tsval = n.server_tsval;
		if (begins)
			s->born = now_ticks();
		session_feed(f->slot, n.inputs);
	}
	if (r != REASON_adopted)
		return r;
	/* it may be the client's FIN or last ACK */
	track_client(ctx, f);
	return known ? REASON_session : r;
}

#endif
