/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the kernel's socket as the owner of connections, see
 * owner.bpf.h, and what it answers. The sequence numbers that it expects are
 * read from it, not tracked here: a packet of an established session must cost
 * nothing. How it is given a connection stands in admit.bpf.h.
 */
#ifndef SYNKEEPER_SOCKET_BPF_H
#define SYNKEEPER_SOCKET_BPF_H

#include "cookie/kernel_cookie.bpf.h"
#include "owned.bpf.h"
#include "wire/source.bpf.h"

enum {
	MSS_DEFAULT4 = 536, /* RFC 9293 MUST-15 */
	MSS_DEFAULT6 = 1220,
};

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

static __always_inline enum owner_has socket_means(__u32 state)
{
	switch (state) {
	case KERNEL_LISTEN:
		return OWNER_LISTENER;
	case KERNEL_NEW_SYN_RECV:
		return OWNER_REQUEST;
	case KERNEL_TIME_WAIT:
		return OWNER_TIME_WAIT;
	default:
		return OWNER_CONNECTION; /* a full socket */
	}
}

/*
 * What it will take is as tcp_sequence() and tcp_ack() of net/ipv4/tcp_input.c
 * decide. snd_nxt is not moved before a packet has gone to the driver
 * (tcp_write_xmit()), and a near client may be faster: what was written counts
 * as sent.
 */
static __always_inline void socket_read(struct bpf_sock *sk, struct owned *ret)
{
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);

	if (!tp)
		return;
	ret->client_next = tp->rcv_nxt;
	ret->server_next = tp->write_seq;
	ret->seq_min = tp->rcv_wup;
	ret->seq_max = ret->seq_min + tp->rcv_wnd;
	ret->ack_min = tp->snd_una - tp->max_window;
}

/* owner_find(). A function of its own, for its share of the stack. */
static __noinline int socket_find(struct xdp_md *ctx, const struct packet *p,
				  bool ask_cookie, struct owned *ret)
{
	struct bpf_sock_tuple tuple = {};
	__u32 len = socket_tuple(p, &tuple);
	struct bpf_sock *sk;
	__u32 state;

	__builtin_memset(ret, 0, sizeof(*ret));
	sk = bpf_skc_lookup_tcp(ctx, &tuple, len, BPF_F_CURRENT_NETNS, 0);
	if (!sk)
		return 0;
	state = sk->state; /* once: it may change meanwhile */
	ret->has = socket_means(state);
	ret->inputs = session_seen_in(state);
	if (ret->has == OWNER_LISTENER && ask_cookie)
		ret->made_cookie = kernel_cookie_check(sk, p);
	else if (ret->has == OWNER_CONNECTION)
		socket_read(sk, ret);
	bpf_sk_release(sk);
	return 0;
}

/* owner_offer(): what this host's sysctls allow. */
static __always_inline void socket_offer(const struct settings *cfg,
					 const struct packet *p,
					 const struct tcp_opts *o,
					 struct handshake *ret)
{
	__u32 flags = cfg->flags;

	ret->mss = o->mss ? o->mss : p->v4 ? MSS_DEFAULT4 : MSS_DEFAULT6;
	ret->wscale = flags & SETTING_WSCALE ? o->wscale : WSCALE_NONE;
	ret->sack = o->sack && flags & SETTING_SACK;
	ret->ts = o->ts && flags & SETTING_TS;
	ret->ecn = flags & SETTING_ECN && p->flags & FLAG_ECE &&
		   p->flags & FLAG_CWR;
}

/*
 * owner_cookie(). A function, so that its stack and that of the option walk are
 * not needed at once.
 */
static __noinline int socket_cookie(struct xdp_md *ctx, const struct flow *f,
				    __u32 source, struct handshake *hs,
				    struct cookie *ret)
{
	struct settings *cfg = get_settings();
	struct bpf_sock_tuple tuple = {};
	__u32 len = socket_tuple(&f->pkt, &tuple);
	enum reason r = REASON_session_syn;
	struct bpf_sock *sk;

	if (!cfg)
		return REASON_not_ready;
	sk = bpf_skc_lookup_tcp(ctx, &tuple, len, BPF_F_CURRENT_NETNS, 0);
	if (!sk)
		return REASON_kernel_syn;
	if (sk->state == KERNEL_LISTEN) {
		r = take_answer(cfg, f, source);
		if (!r && !kernel_cookie_make(sk, &f->pkt, hs->mss, &ret->isn))
			r = REASON_kernel_syn;
		if (!r)
			ret->tsval = kernel_cookie_ts(cfg, sk, hs);
	}
	bpf_sk_release(sk);
	return r;
}

/*
 * owner_may_send_last_ack(): not while the server has not sent FIN. Without a
 * socket (what answers for TIME-WAIT before Linux 6.13, forwarded packets):
 * maybe.
 */
static __always_inline bool socket_may_send_last_ack(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;
	__u32 state = sk ? sk->state : 0;

	return state != KERNEL_ESTABLISHED && state != KERNEL_CLOSE_WAIT &&
	       state != KERNEL_LISTEN && state != KERNEL_NEW_SYN_RECV &&
	       state != KERNEL_SYN_RECV;
}

static __always_inline bool socket_has_client_fin(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;

	return sk &&
	       (sk->state == KERNEL_LAST_ACK || sk->state == KERNEL_CLOSING);
}

/*
 * owner_is_sender(): for strays the kernel answers in the name of the listener
 * or a socket of its own, which have no peer. A socket that resets has given up
 * its port already.
 */
static __always_inline bool socket_is_sender(struct __sk_buff *skb,
					     const struct packet *p)
{
	struct bpf_sock *sk = skb->sk;

	return sk && sk->dst_port == p->tuple.client_port;
}

/* owner_may_be_sender(): what was neither made by TCP nor forwarded is not. */
static __always_inline bool socket_may_be_sender(struct __sk_buff *skb)
{
	return skb->sk || skb->ingress_ifindex;
}

#endif
