/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: a packet goes through the steps in order until one
 * returns a reason, which verdict() turns into an action. A packet of a session
 * is handled by on_session(); one without a session, or whose session is still
 * pending, by its flags in on_unmatched().
 */
#ifndef SYNKEEPER_DISPATCH_BPF_H
#define SYNKEEPER_DISPATCH_BPF_H

#include "ack.bpf.h"
#include "wire/classify.bpf.h"
#include "answer.bpf.h"
#include "by_route.bpf.h"
#include "hand_over.bpf.h"
#include "next_hop.bpf.h"
#include "owner/owner.bpf.h"
#include "wire/parse.bpf.h"
#include "session/track.bpf.h"
#include "wire/source.bpf.h"
#include "verdict.bpf.h"

/*
 * What does the owner have for a packet that is part of no handshake? Charged
 * to the budget for unmatched packets, @ret_budget; once that is used up,
 * packets that certainly match nothing are not looked up.
 */
static __always_inline enum owner_has
owner_of_unmatched(struct xdp_md *ctx, const struct settings *cfg,
		   struct flow *f, bool *ret_budget)
{
	*ret_budget = budget_take(BUDGET_UNMATCHED, UNMATCHED_PER_SECOND);
	if (!*ret_budget && is_surely_unmatched(cfg, f))
		return OWNER_NOTHING;
	return owner_find(ctx, f, false);
}

static __always_inline enum reason on_syn(struct xdp_md *ctx,
					  const struct settings *cfg,
					  struct flow *f,
					  const struct iface *iface)
{
	__u32 source, our_mss;
	enum reason r;

	if (!answerable(&f->pkt))
		return REASON_bad_address;
	if (f->pkt.fragment)
		return REASON_fragment;
	source = source_kind(cfg, &f->pkt);
	if (source == SOURCE_DENIED && f->ep.mode != ENDPOINT_OFF)
		return REASON_denied;
	if (!is_evaluated(f)) {
		if (f->ep.mode == ENDPOINT_DISARMED)
			report_disarmed_syn(f);
		return REASON_disarmed_syn;
	}
	if (cfg->flags & SETTING_REFUSED && refused_take(f))
		return REASON_refused_source;
	if (owner_splices(f)) {
		r = owner_prepare(f);
		if (r)
			return r;
	}
	our_mss = by_route(cfg, iface, f);
	if (f->ep.cookies == COOKIES_KERNEL) {
		r = next_hop_find(ctx, iface, f);
		return r ? r : answer_syn_kernel(ctx, f, our_mss, source);
	}
	/*
	 * A SYN for an existing socket is the owner's. Where the table may lack
	 * that connection, ask: a cookie would prevent TIME-WAIT reuse.
	 */
	if (!owner_is_behind(f) && session_set_is_incomplete(cfg, f->set) &&
	    owner_is_taken(owner_find(ctx, f, false)))
		return REASON_session_syn;
	if (cfg->flags & SETTING_QUEUES && !owner_splices(f) &&
	    owner_ignores(ctx, f))
		return REASON_queue_full;
	r = take_answer(cfg, f, source);
	if (!r)
		r = next_hop_find(ctx, iface, f);
	return r ? r : answer_syn(ctx, f, our_mss);
}

static __always_inline enum reason
on_rst(struct xdp_md *ctx, const struct settings *cfg, struct flow *f)
{
	bool budget;

	if (!is_evaluated(f))
		return REASON_disarmed_ack;
	if (owner_of_unmatched(ctx, cfg, f, &budget) == OWNER_CONNECTION)
		return REASON_socket;
	/* the server may have it, and judges it */
	return budget && owner_is_behind(f) ? REASON_socket : REASON_stray_rst;
}

static __always_inline enum reason
on_odd_flags(struct xdp_md *ctx, const struct settings *cfg, struct flow *f)
{
	bool budget;

	if (!is_evaluated(f) ||
	    owner_of_unmatched(ctx, cfg, f, &budget) == OWNER_CONNECTION)
		return REASON_socket;
	if (budget && stray_draws_reset(f->pkt.flags) &&
	    stray_take_reset(cfg, f))
		return REASON_reset;
	return REASON_bad_flags;
}

enum { HANDSHAKE_FLAGS = FLAG_SYN | FLAG_ACK | FLAG_RST | FLAG_FIN };

/* A packet whose session is unknown or pending: its flags decide. */
static __always_inline enum reason
on_unmatched(struct xdp_md *ctx, const struct settings *cfg, struct flow *f)
{
	const struct iface *iface = get_iface(ctx->ingress_ifindex);
	const struct packet *p = &f->pkt;

	if (!iface)
		return REASON_not_ready;
	if (!same_mac(iface->mac, p->dst_mac) && !owner_is_behind(f))
		return REASON_other_host; /* promiscuous, or a bridge port */
	if (!iface->mtu && f->ep.mode == ENDPOINT_ARMED)
		f->ep.mode = ENDPOINT_DISARMED; /* about to be detached */
	if (p->tcp_len < TCP_HDR_LEN || p->tcp_len > p->l4_len)
		return REASON_bad_header;

	switch (p->flags & HANDSHAKE_FLAGS) {
	case FLAG_SYN:
		return on_syn(ctx, cfg, f, iface);
	case FLAG_ACK:
	case FLAG_ACK | FLAG_FIN:
		return answerable(p) ? ack_verdict(ctx, f) : REASON_bad_address;
	case FLAG_RST:
	case FLAG_RST | FLAG_ACK:
		return on_rst(ctx, cfg, f);
	default:
		return on_odd_flags(ctx, cfg, f);
	}
}

/* Can a packet without FIN cause a transition in this state? */
static __always_inline bool awaits_ack(__u8 state)
{
	return state >= SESSION_HALF_CLOSED_SERVER && state < SESSION_TIME_WAIT;
}

/*
 * A packet of session @s. Challenge ACKs, TIME-WAIT reuse and the validity of a
 * RST are the owner's business, so those packets pass. REASON_NONE: evaluate
 * the packet as if the session were unknown.
 */
static __always_inline enum reason
on_session(struct xdp_md *ctx, struct flow *f, const struct session *s)
{
	__u8 state = s->live.state;

	switch (f->pkt.flags & HANDSHAKE_FLAGS) {
	case FLAG_ACK:
	case FLAG_ACK | FLAG_FIN:
		if (state < SESSION_ESTABLISHED)
			return REASON_NONE;
		if (f->pkt.flags & FLAG_FIN || awaits_ack(state))
			track_client(ctx, f);
		return REASON_session;
	case FLAG_SYN:
		return track_syn(ctx, f) ? REASON_session_syn : REASON_NONE;
	case FLAG_RST:
	case FLAG_RST | FLAG_ACK:
		track_client(ctx, f);
		return REASON_session_rst;
	default:
		return REASON_NONE;
	}
}

/*
 * The same for a service that is spliced: no socket is asked. A SYN of a known
 * session is the server's to judge, and ends nothing. A global function, like
 * answer_syn().
 */
__noinline int on_spliced(struct xdp_md *ctx, struct flow *f)
{
	struct session *s = f ? session_at(f->slot) : NULL;
	bool spliced, ack;
	__u8 flags;

	if (!s || s->live.state == SESSION_FREE)
		return REASON_NONE;
	flags = f->pkt.flags & HANDSHAKE_FLAGS;
	spliced = s->live.flags & SESSION_SPLICED;
	ack = (flags & ~FLAG_FIN) == FLAG_ACK;
	if (s->live.state == SESSION_OPENING) {
		if (spliced && ack)
			return owner_again(ctx, f);
		/* also what tc sends in its name, in skb mode */
		if (spliced && flags == FLAG_SYN)
			return REASON_session_syn;
		if (spliced && flags & FLAG_RST)
			return REASON_session_rst;
		if (spliced || !ack)
			return REASON_NONE;
		/* the server has answered the client's own SYN */
		if (s->server_tsval && f->pkt.ack == s->server_tsval) {
			session_feed(f->slot, 1 << INPUT_SOCKET);
			track_client(ctx, f);
		}
		return REASON_session;
	}
	if (flags == FLAG_SYN)
		return REASON_session_syn;
	if (spliced && ack)
		return REASON_session;
	return spliced && flags & FLAG_RST ? REASON_session_rst
					   : on_session(ctx, f, s);
}

/* Session @s was found in @f->slot. Returns the same as on_session(). */
static __always_inline enum reason on_found(struct xdp_md *ctx, struct flow *f,
					    struct session *s)
{
	__u32 now = now_ticks();
	enum reason r;

	f->recent = now - s->born <= RECENT_TICKS;
	/* TIME-WAIT must age out: a reopened connection may be behind it */
	if (s->live.state != SESSION_TIME_WAIT)
		session_touch(s, now);
	r = owner_splices(f) ? on_spliced(ctx, f) : on_session(ctx, f, s);
	if (r)
		return r;
	f->known = s->live.state != SESSION_FREE;
	if (session_has_cookie(s)) {
		f->pending = 1;
		f->handed = s->live.state == SESSION_PENDING;
		f->client_isn = s->client_isn;
		f->server_isn = s->server_isn;
	}
	if (!f->known)
		f->slot = -1; /* the SYN showed that it had ended */
	return REASON_NONE;
}

static __always_inline enum reason
by_session(struct xdp_md *ctx, struct settings *cfg, struct flow *f)
{
	struct table_hash h;
	struct session *s;
	enum reason r;

	table_hash(cfg, &f->pkt.tuple, &h);
	f->set = h.set & cfg->set_mask;
	f->slot = session_look_up(cfg, &f->pkt.tuple, &h);
	s = session_at(f->slot);
	r = s ? on_found(ctx, f, s) : REASON_NONE;
	if (r)
		return r;
	r = on_unmatched(ctx, cfg, f);
	switch (r) {
	case REASON_adopted:
	case REASON_time_wait:
	case REASON_admitted:
	case REASON_kernel_cookie:
	case REASON_stale_socket:
		return ack_record(ctx, f, r);
	case REASON_spliced:
		return owner_begin(ctx, f);
	case REASON_refused_source:
	case REASON_handed_over:
	case REASON_routed_syn:
		record_handover(f);
		return r;
	case REASON_session: /* data of a pending session */
		s = session_at(f->slot);
		if (s)
			session_flag(s, SESSION_DATA_BEHIND);
		return r;
	default:
		return r;
	}
}

/*
 * It may be TCP to a service, in a form chosen to hide that. While there is
 * anything to protect it is dropped: it would reach the listener without
 * passing the cookie check and the deny list.
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

/* The path of an incoming packet. Returns an XDP action. */
static __always_inline int dispatch(struct xdp_md *ctx)
{
	struct settings *cfg = get_settings();
	struct flow f = {};
	enum reason reason;

	if (!cfg)
		return XDP_PASS;
	reason = cfg->flags & SETTING_READY ? parse_xdp(ctx, &f.pkt)
					    : REASON_not_ready;
	if (!reason)
		reason = classify(cfg, &f);
	if (!reason)
		reason = by_session(ctx, cfg, &f);
	else if (reason == REASON_unreadable)
		reason = on_unreadable(ctx, cfg, &f.pkt);
	return verdict(ctx, cfg, &f, reason);
}

#endif
