/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: what tc egress makes of a packet that the server sends.
 * Of a session's FIN, last acknowledgement and RST follow.bpf.h takes note; here
 * is what they are told apart by, our own SYNs, and the RST that is withheld
 * because the client need not know.
 */
#ifndef SYNKEEPER_EGRESS_BPF_H
#define SYNKEEPER_EGRESS_BPF_H

#include "path/classify.bpf.h"
#include "path/parse.bpf.h"
#include "report/budget.bpf.h"
#include "session/track.bpf.h"

/* The packet that this one answers: from the client to the server. */
static __always_inline void turn_around(struct packet *p)
{
	struct tuple t = p->tuple;

	__builtin_memcpy(p->tuple.client, t.server, 16);
	__builtin_memcpy(p->tuple.server, t.client, 16);
	p->tuple.client_port = t.server_port;
	p->tuple.server_port = t.client_port;
}

/*
 * A SYN that leaves from a service's port: should the peer do the same at the
 * same moment (RFC 9293 section 3.5), its SYN must find the socket and no
 * cookie, so the connection is known from now on.
 */
static __always_inline void on_own_syn(const struct packet *p, int slot)
{
	struct session_new n = { .tuple = p->tuple,
				 .service = p->ep.service,
				 .inputs = 1 << SEE_SYN };

	if (slot < 0)
		session_insert(&n);
	else
		session_feed(slot, n.inputs);
}

/*
 * Is @sk the connection's own? For strays the kernel answers in the name of the
 * listener or a socket of its own, which have no peer. A socket that resets has
 * given up its port already.
 */
static __always_inline bool is_own(const struct bpf_sock *sk,
				   const struct packet *p)
{
	return sk && sk->dst_port == p->tuple.client_port;
}

/*
 * The kernel resets a client whose data came behind an admitted ACK that found
 * the accept queue full. The client need not know: it will send again.
 */
static __always_inline bool is_premature(const struct packet *p,
					 const struct bpf_sock *sk,
					 const struct session *s)
{
	return p->flags & FLAG_RST && session_has_cookie(s) &&
	       !(s->live.flags & SESSION_REFUSED) && s->server_isn &&
	       !is_own(sk, p);
}

/*
 * If the kernel had taken the request, it may also be that NAT has hidden the
 * socket or the listener: the daemon looks into that. What was neither made by
 * TCP nor forwarded is a firewall's, and tells nothing; nor does a client who
 * sent more than cookies, for he can have had his socket and closed it. A service with the kernel's
 * cookies is not out of room. Returns whether to withhold the RST.
 */
static __always_inline bool on_premature(struct __sk_buff *skb,
					 const struct packet *p,
					 const struct session *s)
{
	struct event *e = NULL;

	if (s->live.state == SESSION_PENDING &&
	    !(s->live.flags & SESSION_UNMARKED) &&
	    (skb->sk || skb->ingress_ifindex) &&
	    budget_take(BUDGET_FORGOTTEN, FORGOTTEN_PER_SECOND))
		e = report_begin(EVENT_FORGOTTEN, p->ep.service, &p->tuple);
	if (e) {
		e->told = !!(s->live.flags & SESSION_KERNEL);
		bpf_ringbuf_submit(e, 0);
	}
	if (p->ep.cookies == COOKIES_KERNEL)
		return false;
	count(p->ep.service, REASON_rst_withheld);
	return true;
}

/*
 * Can a packet without SYN, FIN or RST from a socket in this state be the last
 * acknowledgement? Not while the server has not sent FIN. Without a socket
 * (what answers for TIME-WAIT before Linux 6.13, forwarded packets): maybe.
 */
static __always_inline bool sends_last_ack(__u32 sk_state)
{
	return sk_state != KERNEL_ESTABLISHED &&
	       sk_state != KERNEL_CLOSE_WAIT && sk_state != KERNEL_LISTEN &&
	       sk_state != KERNEL_NEW_SYN_RECV && sk_state != KERNEL_SYN_RECV;
}

static __always_inline int egress(struct __sk_buff *skb)
{
	struct settings *cfg = get_settings();
	struct bpf_sock *sk = skb->sk;
	__u32 sk_state = sk ? sk->state : 0;
	struct packet p = {};
	struct session *s;
	bool syn;
	int slot;

	if (!cfg || !(cfg->flags & SETTING_READY) || parse_tc(skb, &p))
		return TCX_NEXT;
	if (!(p.flags & (FLAG_SYN | FLAG_FIN | FLAG_RST)) &&
	    !sends_last_ack(sk_state))
		return TCX_NEXT;
	syn = (p.flags & (FLAG_SYN | FLAG_ACK)) == FLAG_SYN;
	turn_around(&p);
	if (classify(cfg, &p))
		return TCX_NEXT;
	s = session_find(cfg, &p.tuple, &slot);
	if (syn) {
		on_own_syn(&p, slot);
	} else if (s && is_premature(&p, sk, s) && on_premature(skb, &p, s)) {
		return TCX_DROP;
	} else if (s) {
		/* not l4_len: a packet to be segmented may be longer */
		follow_server(&p, sk_state,
			      p.seq + skb->len - p.l4 - p.tcp_len + 1, slot);
	}
	return TCX_NEXT;
}

#endif
