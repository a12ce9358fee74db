/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: step 3 for an ACK (with data, FIN, whatever) whose
 * session is unknown or still pending. The kernel is asked first: if it has a
 * socket, that is a connection older than the table's memory and is adopted.
 * Else the ACK must bring a cookie, which validates alone: it may be the
 * first packet seen after a lost ACK, or a retransmission after the kernel
 * had no room in its accept queue. What follows for the session table is
 * written by ack_settle(), when the verdict stands.
 */
#ifndef SYNKEEPER_ACK_BPF_H
#define SYNKEEPER_ACK_BPF_H

#include "admit.bpf.h"
#include "answer.bpf.h"
#include "budget.bpf.h"
#include "session.bpf.h"

/* What the kernel has for a tuple. */
enum found {
	FOUND_NOTHING,
	FOUND_LISTENER,
	FOUND_REQUEST,
	FOUND_TIME_WAIT,
	FOUND_SOCKET,
};

/* How far ahead of the handshake data of a pending session may be. */
enum { EARLY_DATA_WINDOW = 1 << 20 };

static __always_inline __u32 socket_tuple(const struct packet *p,
					  struct bpf_sock_tuple *ret)
{
	if (p->v4) {
		ret->ipv4.saddr = p->tuple.client[3];
		ret->ipv4.daddr = p->tuple.server[3];
		ret->ipv4.sport = p->tuple.client_port;
		ret->ipv4.dport = p->tuple.server_port;
		return sizeof(ret->ipv4);
	}
	__builtin_memcpy(ret->ipv6.saddr, p->tuple.client, 16);
	__builtin_memcpy(ret->ipv6.daddr, p->tuple.server, 16);
	ret->ipv6.sport = p->tuple.client_port;
	ret->ipv6.dport = p->tuple.server_port;
	return sizeof(ret->ipv6);
}

static __always_inline enum found found_in(const struct bpf_sock *sk)
{
	switch (sk->state) {
	case BPF_TCP_LISTEN:
		return FOUND_LISTENER;
	case BPF_TCP_NEW_SYN_RECV:
		return FOUND_REQUEST;
	case BPF_TCP_TIME_WAIT:
		return FOUND_TIME_WAIT;
	default:
		return FOUND_SOCKET;
	}
}

/* Headers as the kernel's cookie helpers want them: of known size. */
struct headers {
	union {
		struct iphdr v4;
		struct ipv6hdr v6;
	};
	struct tcphdr tcp;
};

static __always_inline bool kernel_cookie(struct xdp_md *ctx,
					  const struct packet *p,
					  struct bpf_sock *listener)
{
	struct headers h = {};

	if (bpf_xdp_load_bytes(ctx, p->l4, &h.tcp, sizeof(h.tcp)))
		return false;
	if (p->v4) {
		if (bpf_xdp_load_bytes(ctx, p->l3, &h.v4, sizeof(h.v4)))
			return false;
		return !bpf_tcp_check_syncookie(listener, &h.v4, sizeof(h.v4),
						&h.tcp, sizeof(h.tcp));
	}
	if (bpf_xdp_load_bytes(ctx, p->l3, &h.v6, sizeof(h.v6)))
		return false;
	return !bpf_tcp_check_syncookie(listener, &h.v6, sizeof(h.v6), &h.tcp,
					sizeof(h.tcp));
}

/*
 * Asks the kernel. @maybe_cookie: also ask a listener whether it sent the
 * cookie that the ACK bears (see settings.kernel_cookies_until).
 */
static __noinline int ack_lookup(struct xdp_md *ctx, const struct packet *p,
				 bool maybe_cookie, bool *ret_kernel_cookie)
{
	struct bpf_sock_tuple tuple = {};
	__u32 len = socket_tuple(p, &tuple);
	struct bpf_sock *sk;
	enum found found;

	*ret_kernel_cookie = false;
	sk = bpf_skc_lookup_tcp(ctx, &tuple, len, BPF_F_CURRENT_NETNS, 0);
	if (!sk)
		return FOUND_NOTHING;
	found = found_in(sk);
	if (found == FOUND_LISTENER && maybe_cookie)
		*ret_kernel_cookie = kernel_cookie(ctx, p, sk);
	bpf_sk_release(sk);
	return found;
}

/* Checks the cookie of @p; @old: against the slot's previous key. */
static __always_inline bool ack_cookie(const struct packet *p,
				       const struct tcp_opts *o, bool old,
				       struct handshake *ret)
{
	struct cookie c = { .isn = p->ack - 1, .tsval = o->tsecr };
	__u32 slot = cookie_slot(c.isn) + (old ? KEY_OLD : 0);
	struct cookie_key *key = bpf_map_lookup_elem(&keys, &slot);

	return key && key->born_ns &&
	       cookie_check(&key->key, &p->tuple, p->seq - 1, &c, o->ts, ret);
}

static __always_inline void ack_event(enum event_kind kind, int error,
				      const struct tuple *tuple, __u16 service)
{
	struct event *e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);

	if (!e)
		return;
	e->kind = kind;
	e->error = error;
	e->when_ns = bpf_ktime_get_ns();
	e->tuple = *tuple;
	e->service = service;
	e->pad = 0;
	bpf_ringbuf_submit(e, 0);
}

/* Nobody's ACK. What it costs must stay near nothing: this is the flood. */
static __always_inline enum reason ack_invalid(struct xdp_md *ctx,
					       const struct settings *cfg,
					       const struct packet *p,
					       const struct tcp_opts *o)
{
	struct handshake hs;
	bool expired;

	if (p->ep.mode != ENDPOINT_ARMED)
		return REASON_disarmed_ack;
	if (!budget_take(BUDGET_EXPIRED, EXPIRED_PER_SECOND))
		return REASON_bad_cookie;
	expired = ack_cookie(p, o, true, &hs);
	if (cfg->resets_per_second &&
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
	bool kernel_cookie, valid;
	struct handshake hs = {};
	struct tcp_opts o;
	int found;

	if (!cfg || !p)
		return REASON_not_ready;
	found = ack_lookup(ctx, p,
			   (__s32)(cfg->kernel_cookies_until - now_ticks()) > 0,
			   &kernel_cookie);
	if (found == FOUND_SOCKET)
		return REASON_adopted;
	if (kernel_cookie)
		return REASON_kernel_cookie;
	/*
	 * On the heels of an admitted ACK that the kernel has not looked at yet:
	 * it will find the socket. With a mark of its own it would want to be
	 * another, and be dropped. If there is no socket after all, the
	 * kernel's RST is withheld (synkeeper_egress), and it comes again.
	 */
	if (p->recent && found == FOUND_LISTENER && of_pending(p))
		return REASON_session;
	valid = !tcpopt_ack(ctx, span_of(ctx), p, &o) &&
		ack_cookie(p, &o, false, &hs);
	if (valid && p->fragment)
		return REASON_fragment; /* tc's mark would not survive */

	if (found == FOUND_REQUEST || found == FOUND_TIME_WAIT) {
		if (!valid)
			return found == FOUND_REQUEST ? REASON_half_open
						      : REASON_time_wait;
		ack_event(EVENT_IN_THE_WAY, 0, &p->tuple, p->ep.service);
		p->tsval = o.tsval;
		p->tsecr = o.tsecr;
		return REASON_in_the_way;
	}
	if (!valid)
		return of_pending(p) ? REASON_early_data
				     : ack_invalid(ctx, cfg, p, &o);
	if (found == FOUND_NOTHING)
		return REASON_no_listener;
	p->tsval = o.tsval;
	p->tsecr = o.tsecr;
	admit_mark(ctx, cfg, &hs, &o, p->ep.wscale);
	return REASON_admitted;
}

/*
 * Writes what verdict @r means for the table: @s is the pending session, or
 * NULL. Returns the reason to count.
 */
static __always_inline enum reason ack_settle(struct settings *cfg,
					      const struct packet *p,
					      struct session *s, enum reason r)
{
	struct session_new n = { .tuple = p->tuple, .service = p->ep.service };

	if (r == REASON_adopted) {
		n.state = SESSION_ESTABLISHED;
	} else if (r == REASON_time_wait) {
		n.state = SESSION_TIME_WAIT;
	} else if (r == REASON_admitted || r == REASON_in_the_way) {
		n.state = SESSION_PENDING;
		n.client_isn = p->seq - 1;
		n.server_isn = p->ack - 1;
		n.client_tsval = p->tsval;
		n.server_tsval = p->tsecr;
	} else {
		return r;
	}
	if (!s) {
		session_insert(cfg, &n);
	} else {
		s->live.state = n.state;
		if (r == REASON_admitted)
			s->born = now_ticks();
	}
	return s && r == REASON_adopted ? REASON_session : r;
}

#endif
