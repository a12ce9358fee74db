/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the contract between the packet path and the owner of
 * the connections. No step looks up a socket; it asks the owner, whose word is
 * final for every connection:
 *
 *   SYN	owner_find()	what is there for the tuple? (see owned.bpf.h)
 *		owner_ignores()	would it ignore the SYN, as its queue is full?
 *		owner_offer()	what may a SYN-ACK on its behalf offer?
 *		owner_cookie()	the same, with a cookie that the owner makes
 *   ACK	owner_find()	what is there, and what does it expect next?
 *		owner_accept()	take this handshake
 *		owner_clear()	end the stale socket that blocks it
 *   FIN, RST	owner_find(), then owner_takes() and owner_takes_ack()
 *   tc in	owner_admit()	hand over what XDP accepted
 *   tc out	owner_may_send_last_ack(), owner_has_client_fin(),
 *		owner_is_sender(), owner_may_be_sender()
 *
 * The only owner is this host's kernel: socket.bpf.h answers, admit.bpf.h hands
 * over, and no other file includes them. A second owner would be a file next to
 * them and a branch in each function here, on a constant, so that the verifier
 * prunes it.
 */
#ifndef SYNKEEPER_OWNER_BPF_H
#define SYNKEEPER_OWNER_BPF_H

#include "admit.bpf.h"
#include "flow.bpf.h"
#include "report/budget.bpf.h"
#include "report/events.bpf.h"
#include "socket.bpf.h"
#include "splice_open.bpf.h"
#include "splice_xdp.bpf.h"

/* Are the connections of @f's service spliced? */
static __always_inline bool owner_splices(const struct flow *f)
{
	return f->ep.flags & ENDPOINT_SPLICE;
}

/* ... and is their server not this host? Then nobody can be asked. */
static __always_inline bool owner_is_behind(const struct flow *f)
{
	return f->ep.flags & ENDPOINT_BEHIND;
}

/*
 * What does the owner have for the tuple of @f? Fills in @f->owned and returns
 * its `has`. @ask_cookie: also ask a listener whether it made the cookie of
 * this ACK. Costs about as much as all other steps together: keep it off the
 * flood path.
 */
static __always_inline enum owner_has
owner_find(struct xdp_md *ctx, struct flow *f, bool ask_cookie)
{
	if (owner_is_behind(f)) {
		__builtin_memset(&f->owned, 0, sizeof(f->owned));
		return OWNER_NOTHING;
	}
	socket_find(ctx, &f->pkt, ask_cookie, &f->owned);
	return f->owned.has;
}

/*
 * Would the owner ignore SYN @f, because its accept queue is full? Only asked
 * while SETTING_QUEUES says that some queue may be.
 */
static __noinline bool owner_ignores(struct xdp_md *ctx, const struct flow *f)
{
	struct settings *cfg = get_settings();
	__u32 service = f->ep.service, now;
	enum queue_level level;
	struct queue_seen *q;

	q = bpf_map_lookup_elem(&queues, &service);
	if (!cfg || !q || !q->watched)
		return false;
	now = now_ticks();
	if (!budget_take_in(BUDGET_QUEUE, QUEUE_LOOKS_SHIFT, QUEUE_LOOKS))
		return queue_was_full(q, now);
	level = socket_queue(ctx, &f->pkt);
	queue_saw(q, level, now);
	if (queue_is_over(q, level, now))
		queue_end(cfg, q);
	return level == QUEUE_FULL;
}

/*
 * Which of the options @o of SYN @f the owner would agree to; @ret->mss is the
 * client's. The owner's window and scale are in the endpoint, see abi.h.
 */
static __always_inline void owner_offer(struct xdp_md *ctx,
					const struct settings *cfg,
					const struct flow *f,
					const struct tcp_opts *o,
					struct handshake *ret)
{
	if (owner_splices(f))
		splice_agree(f, o, ret);
	else
		socket_offer(ctx, cfg, f, o, ret);
}

/*
 * Has the owner's listener make cookie @ret for SYN @f from a @source of this
 * kind. @hs: on entry what owner_offer() returned, on return the part of it
 * that the owner can recover from the ACK. Returns REASON_NONE, or the reason
 * to count instead. Calls take_answer() only after finding a listener: other
 * SYNs are not charged to the cap.
 */
static __always_inline enum reason
owner_cookie(struct xdp_md *ctx, const struct flow *f, __u32 source,
	     struct handshake *hs, struct cookie *ret)
{
	return socket_cookie(ctx, f, source, hs, ret);
}

/*
 * SYN @f is for a service that is spliced: puts into its endpoint what the
 * server offers. Returns REASON_NONE, or the reason for which the SYN passes:
 * the server is not known, and is asked with it; or there is no room. A global
 * function, like answer_syn().
 */
__noinline int owner_prepare(struct flow *f)
{
	if (!f)
		return REASON_not_ready;
	if (splice_was_full())
		return REASON_splice_full;
	if (splice_take_offer(f) ||
	    !budget_take(BUDGET_LEARN, LEARN_PER_SECOND))
		return REASON_NONE;
	return REASON_handed_over;
}

/*
 * Does it accept handshakes made with our own cookies? If not, it has to make
 * the cookies itself (COOKIES_KERNEL). A constant to the verifier, except for
 * services that are spliced.
 */
static __always_inline bool owner_can_accept(const struct flow *f)
{
	return admit_can_assign() || owner_splices(f);
}

/*
 * An ACK has completed handshake @hs of a service that is spliced: notes in @f
 * what owner_begin() needs.
 */
static __always_inline void owner_agreed(struct flow *f,
					 const struct handshake *hs)
{
	f->agreed_mss = hs->mss;
	f->agreed_wscale = hs->wscale;
	f->agreed = (hs->ts ? SPLICE_OFFERED_TS : 0) |
		    (hs->sack ? SPLICE_OFFERED_SACK : 0);
	splice_take_offer(f);
}

/* Opens its connection to the server; rewrites the packet. */
static __always_inline enum reason owner_begin(struct xdp_md *ctx,
					       struct flow *f)
{
	return splice_begin(ctx, f);
}

/* A packet of one that is not open yet. */
static __always_inline enum reason owner_again(struct xdp_md *ctx,
					       struct flow *f)
{
	return splice_again(ctx, f);
}

/*
 * XDP: ACK @f, with options @o, has completed handshake @hs: hand it to the
 * owner. Whether the owner takes it turns out in owner_admit().
 */
static __always_inline void
owner_accept(struct xdp_md *ctx, struct settings *cfg, const struct flow *f,
	     const struct handshake *hs, const struct tcp_opts *o)
{
	admit_put_meta(ctx, cfg, f, hs, o);
}

/* The same for an ACK with the owner's own cookie, which suffices for it. */
static __always_inline void owner_accept_own(struct xdp_md *ctx,
					     struct settings *cfg)
{
	admit_put_meta_bare(ctx, cfg, META_KERNEL);
}

/* Back to back with an accepted ACK, which it must not overtake. */
static __always_inline void owner_accept_behind(struct xdp_md *ctx,
						struct settings *cfg)
{
	admit_put_meta_bare(ctx, cfg, META_BEHIND);
}

/*
 * Asks the daemon to end the owner's stale socket of @f's tuple. It still
 * exists on return; the client's next attempt will find it gone. Limited by a
 * budget: in a flood some clients need another attempt.
 */
static __always_inline void owner_clear(const struct flow *f)
{
	if (budget_take(BUDGET_STALE_SOCKET, STALE_SOCKETS_PER_SECOND))
		report(EVENT_STALE_SOCKET, f->ep.service, &f->pkt.tuple);
}

/*
 * tc ingress: hands over what XDP accepted, or translates it. Returns a tc
 * verdict.
 */
static __always_inline int owner_admit(struct __sk_buff *skb)
{
	const struct settings *cfg = get_settings();
	int verdict;

	if (cfg && cfg->flags & SETTING_SPLICE) {
		verdict = splice_ingress(skb);
		if (verdict != SPLICE_NOT_OURS)
			return verdict;
	}
	return admit(skb);
}

/* tc egress: SYN-ACK @p of a server tells what it offers. */
static __always_inline void owner_learn(struct __sk_buff *skb,
					const struct packet *p)
{
	splice_look(skb, p);
}

enum { OWNER_NO_VERDICT = SPLICE_NOT_OURS };

/*
 * tc egress, while anything is spliced: translates a packet of the server's.
 * Returns a tc verdict, or OWNER_NO_VERDICT: it is not of such a connection.
 */
static __always_inline int owner_translate(struct __sk_buff *skb)
{
	return splice_egress(skb);
}

/*
 * tc egress: may a packet without SYN, FIN or RST be the owner's last
 * acknowledgement of a connection? Asked for every packet that leaves.
 */
static __always_inline bool owner_may_send_last_ack(struct __sk_buff *skb)
{
	return socket_may_send_last_ack(skb);
}

/* tc egress: has the connection that sends a FIN received the client's? */
static __always_inline bool owner_has_client_fin(struct __sk_buff *skb)
{
	return socket_has_client_fin(skb);
}

/* tc egress: did the connection itself send @p, not a listener or firewall? */
static __always_inline bool owner_is_sender(struct __sk_buff *skb,
					    const struct packet *p)
{
	return socket_is_sender(skb, p);
}

/* tc egress: can an owner have sent RST @p? If not, a firewall did. */
static __always_inline bool owner_may_be_sender(struct __sk_buff *skb,
						const struct packet *p)
{
	return socket_may_be_sender(skb, p);
}

#endif
