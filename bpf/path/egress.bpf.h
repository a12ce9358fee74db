/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: what tc egress does with a packet of the server's.
 * track.bpf.h tracks the FIN, last ACK and RST of sessions; here are the host's
 * own SYNs, and the suppression of an RST sent before there is a socket. What
 * the sending socket knows about the packet comes from the owner.
 */
#ifndef SYNKEEPER_EGRESS_BPF_H
#define SYNKEEPER_EGRESS_BPF_H

#include "refused.bpf.h"
#include "wire/classify.bpf.h"
#include "wire/parse.bpf.h"
#include "report/budget.bpf.h"
#include "session/track.bpf.h"

/*
 * What packet @p means for the session @s of @f, if it has to be entered now;
 * 0: nothing. A SYN sent from a service's port: in a simultaneous open (RFC
 * 9293 section 3.5) the peer's SYN must reach the socket instead of being
 * answered with a cookie. A server behind this host that speaks for a
 * connection which began without us: that is all that will ever be known of it.
 */
static __always_inline __u32 egress_enters(const struct flow *f,
					   const struct session *s)
{
	__u8 flags = f->pkt.flags;

	if ((flags & (FLAG_SYN | FLAG_ACK)) == FLAG_SYN)
		return 1 << INPUT_SYN;
	if (!owner_is_behind(f) || flags & (FLAG_SYN | FLAG_RST) ||
	    (s ? s->live.state != SESSION_OPENING
	       : !budget_take(BUDGET_ADOPT, ADOPT_PER_SECOND)))
		return 0;
	return 1 << INPUT_SOCKET;
}

/* Feeds that to the session in @slot; -1: enters it. Its slot, or -1. */
static __always_inline int egress_enter(const struct flow *f, int slot,
					__u32 inputs)
{
	struct session_new n = { .inputs = inputs };

	if (slot >= 0) {
		session_feed(slot, inputs);
		return slot;
	}
	n.tuple = f->pkt.tuple;
	n.service = f->ep.service;
	return session_insert(&n);
}

/*
 * The kernel resets a client whose data follows an admitted ACK that found the
 * accept queue full. Without the RST, the client simply retransmits. A RST that
 * TCP did not make is a firewall's answer to the client: it goes out, and the
 * client's next SYN may get it, too.
 */
static __always_inline bool is_rst_before_socket(struct __sk_buff *skb,
						 struct settings *cfg,
						 const struct packet *p,
						 const struct session *s)
{
	if (!(p->flags & FLAG_RST) || !session_has_cookie(s) ||
	    s->live.flags & SESSION_REFUSED || !s->server_isn ||
	    owner_is_sender(skb, p))
		return false;
	if (owner_may_be_sender(skb, p))
		return true;
	refused_mark(cfg, p->tuple.client);
	return false;
}

/*
 * If the kernel had taken the request, the reason may also be that NAT hides
 * the socket or the listener: the daemon investigates. A RST to a client that
 * sent more than cookies is no evidence of that: its socket may have existed
 * and been closed. With kernel cookies the cause is not a full accept queue.
 * Returns whether to suppress the RST.
 */
static __always_inline bool on_rst_before_socket(const struct flow *f,
						 const struct session *s)
{
	struct event *e = NULL;

	if (s->live.state == SESSION_PENDING &&
	    !(s->live.flags & SESSION_DATA_BEHIND) &&
	    budget_take(BUDGET_SOCKET_LOST, SOCKETS_LOST_PER_SECOND))
		e = report_begin(EVENT_SOCKET_LOST, f->ep.service,
				 &f->pkt.tuple);
	if (e) {
		e->what = !!(s->live.flags & SESSION_KERNEL);
		bpf_ringbuf_submit(e, 0);
	}
	if (f->ep.cookies == COOKIES_KERNEL)
		return false;
	count(f->ep.service, REASON_rst_suppressed);
	return true;
}

/* A global function, to keep its stack apart. Returns a tc verdict. */
__noinline int egress_track(struct __sk_buff *skb)
{
	struct settings *cfg = get_settings();
	struct flow f = {};
	struct packet *p = &f.pkt;
	struct session *s;
	__u32 enters;
	int slot;

	if (!cfg || !(cfg->flags & SETTING_READY) || parse_tc(skb, p))
		return TCX_NEXT;
	if (!(p->flags & (FLAG_SYN | FLAG_FIN | FLAG_RST)) &&
	    !owner_may_send_last_ack(skb))
		return TCX_NEXT;
	turn_around(p);
	if (classify(cfg, &f))
		return TCX_NEXT;
	s = session_find(cfg, &p->tuple, &slot);
	if (owner_splices(&f) && p->flags & FLAG_ACK && p->flags & FLAG_SYN) {
		owner_learn(skb, p);
		/* what the client's ACK has to acknowledge, see on_spliced() */
		if (s && s->live.state == SESSION_OPENING)
			s->server_tsval = p->seq + 1;
		return TCX_NEXT;
	}
	enters = egress_enters(&f, s);
	if (enters) {
		slot = egress_enter(&f, slot, enters);
		s = session_at(slot);
	}
	if (enters == 1 << INPUT_SYN || !s)
		return TCX_NEXT;
	if (is_rst_before_socket(skb, cfg, p, s) && on_rst_before_socket(&f, s))
		return TCX_DROP;
	/* not l4_len: a GSO packet may be longer */
	track_server(p, owner_has_client_fin(skb),
		     p->seq + skb->len - p->l4 - p->tcp_len + 1, slot);
	return TCX_NEXT;
}

/* Returns a tc verdict. */
static __always_inline int egress(struct __sk_buff *skb)
{
	const struct settings *cfg = get_settings();
	int verdict;

	if (cfg && cfg->flags & SETTING_SPLICE) {
		verdict = owner_translate(skb);
		if (verdict != OWNER_NO_VERDICT)
			return verdict;
	}
	return egress_track(skb);
}

#endif
