/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the router. A packet takes the steps in order until one
 * returns a reason, and verdict() turns that into what happens to it. What has
 * a session goes by on_session(); what has none, or one that waits for its
 * socket, by its flags.
 */
#ifndef SYNKEEPER_DISPATCH_BPF_H
#define SYNKEEPER_DISPATCH_BPF_H

#include "ack.bpf.h"
#include "classify.bpf.h"
#include "cookie/answer.bpf.h"
#include "parse.bpf.h"
#include "session/track.bpf.h"
#include "source.bpf.h"
#include "verdict.bpf.h"

/*
 * The state of the kernel's socket for @p, 0 if there is none. A function of
 * its own: on the callers' stack the socket's 36 bytes would be in each chain
 * of calls, and Linux 6.1 finds 512 bytes exceeded.
 */
static __noinline __u32 socket_state(struct xdp_md *ctx, const struct packet *p)
{
	struct socket sk;

	socket_lookup(ctx, p, false, &sk);
	return sk.state;
}

/* Any socket but a listener, for what is not part of a handshake. */
static __always_inline bool has_socket(struct xdp_md *ctx,
				       const struct settings *cfg,
				       const struct packet *p)
{
	struct socket sk = {};
	bool few;

	if (is_nobodys(cfg, p, &few))
		return false;
	sk.state = socket_state(ctx, p);
	return socket_is_full(&sk);
}

/*
 * The kernel owns SYNs to what it has. Where the table may lack that, the
 * kernel is asked: a cookie would be in the way of TIME-WAIT reuse.
 */
static __always_inline bool is_known_to_kernel(struct xdp_md *ctx,
					       const struct settings *cfg,
					       const struct packet *p)
{
	__u32 state;

	if (!session_may_lack(cfg, p->set))
		return false;
	state = socket_state(ctx, p);
	return state && state != KERNEL_LISTEN;
}

static __always_inline enum reason on_syn(struct xdp_md *ctx,
					  const struct settings *cfg,
					  const struct packet *p,
					  const struct iface *iface)
{
	__u32 source, our_mss = iface->mtu - (p->v4 ? 40 : 60);
	enum reason r;

	if (!answerable(p))
		return REASON_bad_address;
	if (p->fragment)
		return REASON_fragment;
	source = source_kind(cfg, p);
	if (source == SOURCE_DENIED && p->ep.mode != ENDPOINT_OFF)
		return REASON_denied;
	if (!is_judged(p))
		return REASON_disarmed_syn;
	if (p->ep.cookies == COOKIES_KERNEL)
		return answer_syn_kernel(ctx, p, our_mss, source);
	if (is_known_to_kernel(ctx, cfg, p))
		return REASON_session_syn;
	r = answer_limit(cfg, p, source);
	return r ? r : answer_syn(ctx, p, our_mss);
}

static __always_inline enum reason
on_rst(struct xdp_md *ctx, const struct settings *cfg, const struct packet *p)
{
	if (!is_judged(p))
		return REASON_disarmed_ack;
	return has_socket(ctx, cfg, p) ? REASON_socket : REASON_stray_rst;
}

static __always_inline enum reason on_odd_flags(struct xdp_md *ctx,
						const struct settings *cfg,
						const struct packet *p)
{
	if (!is_judged(p) || has_socket(ctx, cfg, p))
		return REASON_socket;
	return REASON_bad_flags;
}

enum { HANDSHAKE_FLAGS = FLAG_SYN | FLAG_ACK | FLAG_RST | FLAG_FIN };

/* A packet whose session is unknown, or pending: its flags decide. */
static __always_inline enum reason
on_unmatched(struct xdp_md *ctx, const struct settings *cfg, struct packet *p)
{
	const struct iface *iface = get_iface(ctx->ingress_ifindex);

	if (!iface)
		return REASON_not_ready;
	if (!same_mac(iface->mac, p->dst_mac))
		return REASON_other_host; /* promiscuous, or a bridge's port */
	if (!iface->mtu && p->ep.mode == ENDPOINT_ARMED)
		p->ep.mode = ENDPOINT_DISARMED; /* about to be detached */
	if (p->tcp_len < TCP_HDR_LEN || p->tcp_len > p->l4_len)
		return REASON_bad_header;

	switch (p->flags & HANDSHAKE_FLAGS) {
	case FLAG_SYN:
		return on_syn(ctx, cfg, p, iface);
	case FLAG_ACK:
	case FLAG_ACK | FLAG_FIN:
		return answerable(p) ? ack_verdict(ctx, p) : REASON_bad_address;
	case FLAG_RST:
	case FLAG_RST | FLAG_ACK:
		return on_rst(ctx, cfg, p);
	default:
		return on_odd_flags(ctx, cfg, p);
	}
}

/* Can a packet without FIN move a session of this state? */
static __always_inline bool awaits_ack(__u8 state)
{
	return state >= SESSION_HALF_CLOSED_SERVER && state < SESSION_TIME_WAIT;
}

/*
 * A packet of a session. The kernel owns challenge ACKs, TIME-WAIT reuse and
 * whether a RST counts, so these pass. REASON_NONE: to be judged as if the
 * session were unknown.
 */
static __always_inline enum reason on_session(struct xdp_md *ctx,
					      const struct packet *p,
					      const struct session *s, int slot)
{
	__u8 state = s->live.state;

	switch (p->flags & HANDSHAKE_FLAGS) {
	case FLAG_ACK:
	case FLAG_ACK | FLAG_FIN:
		if (state < SESSION_ESTABLISHED)
			return REASON_NONE;
		if (p->flags & FLAG_FIN || awaits_ack(state))
			follow_client(ctx, p, slot);
		return REASON_session;
	case FLAG_SYN:
		return follow_syn(ctx, p, slot) ? REASON_session_syn
						: REASON_NONE;
	case FLAG_RST:
	case FLAG_RST | FLAG_ACK:
		follow_client(ctx, p, slot);
		return REASON_session_rst;
	default:
		return REASON_NONE;
	}
}

static __always_inline enum reason
by_session(struct xdp_md *ctx, struct settings *cfg, struct packet *p)
{
	struct table_hash h;
	struct session *s;
	enum reason r;
	int slot;

	table_hash(cfg, &p->tuple, &h);
	p->set = h.set & cfg->set_mask;
	slot = session_slot(&p->tuple, p->set, h.tag, SET_WAYS);
	s = session_at(slot);
	if (s) {
		__u32 now = now_ticks();

		p->recent = now - s->born <= RECENT_TICKS;
		/* if it hides a reopened connection, it shall not last */
		if (s->live.state != SESSION_TIME_WAIT)
			session_touch(s, now);
		r = on_session(ctx, p, s, slot);
		if (r)
			return r;
		p->known = s->live.state != SESSION_FREE;
		if (session_has_cookie(s)) {
			p->pending = 1;
			p->client_isn = s->client_isn;
			p->server_isn = s->server_isn;
		}
		if (!p->known)
			slot = -1; /* the SYN showed that it is over */
	}
	r = on_unmatched(ctx, cfg, p);
	switch (r) {
	case REASON_adopted:
	case REASON_time_wait:
	case REASON_admitted:
	case REASON_kernel_cookie:
	case REASON_in_the_way:
		return ack_settle(ctx, p, slot, r);
	case REASON_session: /* of a pending one */
		s = session_at(slot);
		if (s)
			session_flag(s, SESSION_UNMARKED);
		return r;
	default:
		return r;
	}
}

/*
 * It may be TCP to a service, and its sender chose to hide that. To this host
 * it is not passed while there is a service to guard: it would reach the
 * listener past the cookie and the deny list.
 */
static __always_inline enum reason on_unreadable(struct xdp_md *ctx,
						 const struct settings *cfg,
						 const struct packet *p)
{
	const struct iface *iface = get_iface(ctx->ingress_ifindex);

	if (!iface)
		return REASON_not_ready;
	if (!same_mac(iface->mac, p->dst_mac))
		return REASON_other_host;
	if (!iface->mtu ||
	    !(cfg->flags & (SETTING_GUARDED | SETTING_PREFIXES)) ||
	    cfg->flags & SETTING_DISARMED)
		return REASON_not_tcp;
	return REASON_unreadable;
}

/* The way of a packet that comes in: what becomes of it, an XDP action. */
static __always_inline int dispatch(struct xdp_md *ctx)
{
	struct settings *cfg = get_settings();
	struct packet p = {};
	enum reason reason;

	if (!cfg)
		return XDP_PASS;
	reason = cfg->flags & SETTING_READY ? parse_xdp(ctx, &p)
					    : REASON_not_ready;
	if (!reason)
		reason = classify(cfg, &p);
	if (!reason)
		reason = by_session(ctx, cfg, &p);
	else if (reason == REASON_unreadable)
		reason = on_unreadable(ctx, cfg, &p);
	return verdict(ctx, cfg, &p, reason);
}

#endif
