/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: step 3 for an ACK (with data, FIN, whatever) whose
 * session is unknown or still pending. Unless it is nobody's for certain, the
 * kernel is asked: if it has a socket, that is a connection older than the
 * table's memory and is adopted. Else the ACK must bring a cookie, which
 * validates alone: it may be the first packet seen after a lost ACK, or a
 * retransmission after the kernel had no room in its accept queue. What follows
 * for the session table is written by ack_settle(), when the verdict stands.
 */
#ifndef SYNKEEPER_ACK_BPF_H
#define SYNKEEPER_ACK_BPF_H

#include "owner/admit.bpf.h"
#include "cookie/answer.bpf.h"
#include "cookie/check.bpf.h"
#include "report/budget.bpf.h"
#include "session/track.bpf.h"

/* So long an admitted ACK may wait in the driver's batch for the kernel. */
enum { RECENT_TICKS = 1 };

/*
 * Is a packet without a cookie nobody's for certain? If all connections are
 * known, it is, but for one that came by an interface without Synkeeper: so the
 * kernel is asked as long as there are few. *@ret_few: that is the case.
 */
static __always_inline bool is_nobodys(const struct settings *cfg,
				       const struct packet *p, bool *ret_few)
{
	*ret_few = budget_take(BUDGET_STRAY, STRAYS_PER_SECOND);
	return !*ret_few && p->ep.mode == ENDPOINT_ARMED && !p->known &&
	       !session_may_lack(cfg, p->set) && !check_maybe_kernel(cfg, p);
}

/* Nobody's ACK. What it costs must stay near nothing: this is the flood. */
static __always_inline enum reason
ack_invalid(struct xdp_md *ctx, const struct settings *cfg,
	    const struct packet *p, const struct tcp_opts *o, bool few)
{
	struct handshake hs;
	bool expired;

	if (!is_judged(p))
		return REASON_disarmed_ack;
	if (!few)
		return REASON_bad_cookie;
	expired = check_cookie(p, o, KEYS_ENDED, &hs);
	if (cfg->resets_per_second && p->ep.mode == ENDPOINT_ARMED &&
	    budget_take(BUDGET_RESET, cfg->resets_per_second))
		return answer_reset(ctx, cfg, p);
	return expired ? REASON_expired_cookie : REASON_bad_cookie;
}

/* Does it belong to the handshake of the pending session, or follow it? */
static __always_inline bool of_pending(const struct packet *p)
{
	return p->pending && p->ack - 1 == p->server_isn &&
	       p->seq - 1 - p->client_isn < EARLY_DATA_WINDOW;
}

/*
 * The verdict on an ACK. @p gets the timestamps of an admitted one. A global
 * function, for the reason that answer_syn() is one.
 */
__noinline int ack_verdict(struct xdp_md *ctx, struct packet *p)
{
	struct settings *cfg = get_settings();
	struct handshake hs = {};
	struct tcp_opts o;
	bool valid, few = false;
	struct socket sk;

	if (!cfg || !p)
		return REASON_not_ready;
	valid = !tcpopt_ack(ctx, span_of(ctx), p, &o) && admit_can_assign() &&
		check_cookie(p, &o, KEYS_LIVE, &hs);
	if (!valid && is_nobodys(cfg, p, &few))
		return REASON_bad_cookie;
	socket_lookup(ctx, p, check_maybe_kernel(cfg, p), &sk);
	p->sk_state = sk.state;
	if (socket_is_full(&sk)) {
		p->sk_rcv_nxt = sk.rcv_nxt;
		p->sk_write_seq = sk.write_seq;
		return REASON_adopted;
	}
	p->tsval = o.tsval;
	p->tsecr = o.tsecr;
	if ((valid || sk.kernel_cookie) && p->fragment)
		return REASON_fragment; /* tc's mark would not survive */
	if (sk.kernel_cookie) {
		admit_mark_bare(ctx, cfg,
				p->recent && of_pending(p) ? MARK_BEHIND
							   : MARK_KERNEL);
		return REASON_kernel_cookie;
	}
	/*
	 * On the heels of an admitted ACK that the kernel has not looked at yet:
	 * it will find the socket. With a mark of its own it would want to be
	 * another, and be dropped. If there is no socket after all, the
	 * kernel's RST is withheld (synkeeper_egress), and it comes again.
	 */
	if (p->recent && sk.state == KERNEL_LISTEN && of_pending(p)) {
		admit_mark_bare(ctx, cfg, MARK_BEHIND);
		return REASON_session;
	}
	if (sk.state == KERNEL_NEW_SYN_RECV || sk.state == KERNEL_TIME_WAIT) {
		/* behind an ACK that waits for the way to be cleared */
		if (!valid && of_pending(p))
			return REASON_early_data;
		if (!valid)
			return sk.state == KERNEL_TIME_WAIT ? REASON_time_wait
							    : REASON_half_open;
		if (budget_take(BUDGET_IN_THE_WAY, IN_THE_WAY_PER_SECOND))
			report(EVENT_IN_THE_WAY, p->ep.service, &p->tuple);
		return REASON_in_the_way;
	}
	if (!valid)
		return of_pending(p) ? REASON_early_data
				     : ack_invalid(ctx, cfg, p, &o, few);
	if (!sk.state)
		return REASON_no_listener;
	admit_mark(ctx, cfg, &hs, &o, p->ep.wscale);
	return REASON_admitted;
}

/*
 * Writes what verdict @r means for the table: @slot is that of the session
 * that waits for its socket, or -1. Returns the reason to count.
 */
__noinline int ack_settle(struct xdp_md *ctx, const struct packet *p, int slot,
			  __u32 r)
{
	struct session_new n = {};
	bool begins = r == REASON_admitted || r == REASON_kernel_cookie;
	bool known = slot >= 0;
	struct session *s;

	if (!p)
		return r;
	n.tuple = p->tuple;
	n.service = p->ep.service;

	if (r == REASON_adopted || r == REASON_time_wait) {
		n.inputs = session_seen_in(p->sk_state);
		n.client_fin = p->sk_rcv_nxt;
		n.server_fin = p->sk_write_seq;
	} else if (begins || r == REASON_in_the_way) {
		/* where there is a tc program it says when the kernel has it */
		n.inputs = admit_can_assign() ? 1 << SEE_SYN
					      : 1 << SEE_ADMITTED;
		n.client_isn = p->seq - 1;
		n.server_isn = p->ack - 1;
		n.client_tsval = p->tsval;
		n.server_tsval = p->tsecr;
	} else {
		return r;
	}
	if (!known)
		slot = session_insert(&n);
	s = session_at(slot);
	if (!s)
		return r;
	if (r == REASON_kernel_cookie)
		session_flag(s, SESSION_KERNEL);
	if (r == REASON_in_the_way) /* it waits for nothing: see p->recent */
		s->born = now_ticks() - RECENT_TICKS - 1;
	if (known) {
		s->client_isn = n.client_isn;
		s->server_isn = n.server_isn;
		s->client_tsval = n.client_tsval;
		s->server_tsval = n.server_tsval;
		if (begins)
			s->born = now_ticks();
		session_feed(slot, n.inputs);
	}
	if (r != REASON_adopted)
		return r;
	/* it may be the client's FIN, or the last acknowledgement */
	follow_client(ctx, p, slot);
	return known ? REASON_session : r;
}

#endif
