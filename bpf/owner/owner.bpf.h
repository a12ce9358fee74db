/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the contract between the path and the owner of the
 * connections. No step looks up a socket; it asks the owner, who has the last
 * word on every connection:
 *
 *   SYN	owner_find()	who has the tuple? (the answer: owned.bpf.h)
 *		owner_offer()	what may a SYN-ACK in its name offer?
 *		owner_cookie()	the same, with a cookie that the owner makes
 *   ACK	owner_find()	who has it, and what does that expect next?
 *		owner_accept()	take this handshake
 *		owner_clear()	end the stale socket in its way
 *   FIN, RST	owner_find(), then owner_takes() and owner_takes_ack()
 *   tc in	owner_admit()	hand over what XDP accepted
 *   tc out	owner_may_send_last_ack(), owner_has_client_fin(),
 *		owner_is_sender(), owner_may_be_sender()
 *
 * The only owner is this host's kernel: socket.bpf.h answers, admit.bpf.h hands
 * over, and nobody else includes them. A second owner is a file beside them and
 * a branch in each function here, on a constant that the verifier prunes.
 */
#ifndef SYNKEEPER_OWNER_BPF_H
#define SYNKEEPER_OWNER_BPF_H

#include "admit.bpf.h"
#include "flow.bpf.h"
#include "report/budget.bpf.h"
#include "report/events.bpf.h"
#include "socket.bpf.h"

/*
 * Who has the tuple of @f? Fills @f->owned and returns its `has`. @ask_cookie:
 * also ask a listener whether it made the cookie of this ACK. Costs about as
 * much as all other steps together: keep floods away from it.
 */
static __always_inline enum owner_has
owner_find(struct xdp_md *ctx, struct flow *f, bool ask_cookie)
{
	socket_find(ctx, &f->pkt, ask_cookie, &f->owned);
	return f->owned.has;
}

/*
 * What the owner would agree to of options @o of SYN @f; @ret->mss is the
 * client's. Its own window and scale stand in the endpoint, see abi.h.
 */
static __always_inline void owner_offer(const struct settings *cfg,
					const struct flow *f,
					const struct tcp_opts *o,
					struct handshake *ret)
{
	socket_offer(cfg, &f->pkt, o, ret);
}

/*
 * Has the owner's listener make cookie @ret for SYN @f from a @source of this
 * kind. @hs: on entry what owner_offer() returned, on return what of it the
 * owner can read back from the ACK. Returns REASON_NONE, or what becomes of the
 * SYN instead. take_answer() is asked in here, once a listener is found: other
 * SYNs do not count against the cap.
 */
static __always_inline enum reason
owner_cookie(struct xdp_md *ctx, const struct flow *f, __u32 source,
	     struct handshake *hs, struct cookie *ret)
{
	return socket_cookie(ctx, f, source, hs, ret);
}

/*
 * Does it take handshakes made with cookies of our own? If not, it has to make
 * the cookies itself (COOKIES_KERNEL). A constant to the verifier.
 */
static __always_inline bool owner_can_accept(void)
{
	return admit_can_assign();
}

/*
 * XDP: ACK @f, with options @o, has completed handshake @hs, which the owner is
 * to take. Whether it does shows in owner_admit().
 */
static __always_inline void
owner_accept(struct xdp_md *ctx, struct settings *cfg, const struct flow *f,
	     const struct handshake *hs, const struct tcp_opts *o)
{
	admit_put_meta(ctx, cfg, hs, o, f->ep.wscale);
}

/* The same for an ACK with the owner's own cookie, which tells it all. */
static __always_inline void owner_accept_own(struct xdp_md *ctx,
					     struct settings *cfg)
{
	admit_put_meta_bare(ctx, cfg, META_KERNEL);
}

/* Back to back with an accepted ACK; it must not reach the owner before. */
static __always_inline void owner_accept_behind(struct xdp_md *ctx,
						struct settings *cfg)
{
	admit_put_meta_bare(ctx, cfg, META_BEHIND);
}

/*
 * Asks for the end of what the owner holds of @f's tuple, which is stale. It is
 * still there on return; the client's next attempt finds it gone. Takes from a
 * budget: in a flood some wait for a later attempt.
 */
static __always_inline void owner_clear(const struct flow *f)
{
	if (budget_take(BUDGET_STALE_SOCKET, STALE_SOCKETS_PER_SECOND))
		report(EVENT_STALE_SOCKET, f->ep.service, &f->pkt.tuple);
}

/* tc ingress: hands over what XDP accepted. Returns a tc verdict. */
static __always_inline int owner_admit(struct __sk_buff *skb)
{
	return admit(skb);
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

/* tc egress: did the connection itself send @p, and nobody in its name? */
static __always_inline bool owner_is_sender(struct __sk_buff *skb,
					    const struct packet *p)
{
	return socket_is_sender(skb, p);
}

/* tc egress: can the owner have sent it at all, or only a firewall? */
static __always_inline bool owner_may_be_sender(struct __sk_buff *skb)
{
	return socket_may_be_sender(skb);
}

#endif
