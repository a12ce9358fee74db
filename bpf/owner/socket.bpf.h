/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the kernel's socket as the owner of connections, see
 * owner.bpf.h. The sequence numbers that it expects are read from the socket
 * when needed rather than tracked: a packet of an established session must cost
 * next to nothing. How the kernel is handed a connection is in admit.bpf.h.
 */
#ifndef SYNKEEPER_SOCKET_BPF_H
#define SYNKEEPER_SOCKET_BPF_H

#include "cookie/kernel_cookie.bpf.h"
#include "owned.bpf.h"
#include "queue.bpf.h"
#include "wire/source.bpf.h"

enum {
	MSS_DEFAULT4 = 536, /* RFC 9293 MUST-15 */
	MSS_DEFAULT6 = 1220,
	TCP_RESERVED = 0x0f, /* of the byte with the header's length */
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
 * The bounds are those of tcp_sequence() and tcp_ack() in net/ipv4/tcp_input.c.
 * tcp_write_xmit() advances snd_nxt only after handing a packet to the driver,
 * and a nearby client may answer sooner: hence write_seq, all data written.
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

/* owner_find(). Not inlined, to keep its stack apart from the caller's. */
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
	state = sk->state; /* read once: it may change */
	ret->has = socket_means(state);
	ret->inputs = session_seen_in(state);
	if (ret->has == OWNER_LISTENER && ask_cookie)
		ret->made_cookie = kernel_cookie_check(sk, p);
	else if (ret->has == OWNER_CONNECTION)
		socket_read(sk, ret);
	bpf_sk_release(sk);
	return 0;
}

/*
 * owner_ignores(). Not inlined, like socket_find(). A connection of the tuple,
 * or none at all, has no queue.
 */
static __noinline enum queue_level socket_queue(struct xdp_md *ctx,
						const struct packet *p)
{
	struct bpf_sock_tuple tuple = {};
	__u32 len = socket_tuple(p, &tuple);
	enum queue_level level = QUEUE_CALM;
	struct tcp_sock *listener;
	struct bpf_sock *sk;

	sk = bpf_skc_lookup_tcp(ctx, &tuple, len, BPF_F_CURRENT_NETNS, 0);
	if (!sk)
		return level;
	if (sk->state == KERNEL_LISTEN) {
		listener = bpf_skc_to_tcp_sock(sk);
		if (listener)
			level = queue_of(listener);
	}
	bpf_sk_release(sk);
	return level;
}

/*
 * tcp_ecn_create_request() (net/ipv4/tcp_input.c): SYN @p offers ECN, but was
 * sent as ECT or CE itself, which RFC 3168 forbids. With a reserved bit set it
 * comes from a later protocol that may do so (AccECN, RFC 9768).
 */
static __always_inline bool socket_declines_ecn(struct xdp_md *ctx,
						const struct packet *p)
{
	struct span s = span_of(ctx);
	__u32 l3 = p->l3, l4 = p->l4;
	const __u8 *ip, *tcp;

	barrier_var(l3);
	barrier_var(l4);
	ip = s.data + (l3 & 0x7fff);
	tcp = s.data + (l4 & 0x7fff);
	if ((const void *)(ip + 2) > s.end || (const void *)(tcp + 13) > s.end)
		return false;
	return ip[1] & (p->v4 ? ECN_MASK : ECN_MASK << 4) &&
	       !(tcp[12] & TCP_RESERVED);
}

/* owner_offer(): what this host's sysctls allow, and of ECN the route. */
static __always_inline void socket_offer(struct xdp_md *ctx,
					 const struct settings *cfg,
					 const struct flow *f,
					 const struct tcp_opts *o,
					 struct handshake *ret)
{
	const struct packet *p = &f->pkt;
	__u32 flags = cfg->flags;

	ret->mss = o->mss ? o->mss : p->v4 ? MSS_DEFAULT4 : MSS_DEFAULT6;
	ret->wscale = flags & SETTING_WSCALE ? o->wscale : WSCALE_NONE;
	ret->sack = o->sack && flags & SETTING_SACK;
	ret->ts = o->ts && flags & SETTING_TS;
	ret->ecn = (flags & SETTING_ECN || f->route_ecn) &&
		   p->flags & FLAG_ECE && p->flags & FLAG_CWR &&
		   (f->ep.flags & ENDPOINT_NEEDS_ECN ||
		    !socket_declines_ecn(ctx, p));
}

/*
 * owner_cookie(). Not inlined, so that it can share stack space with the option
 * walk.
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
 * owner_may_send_last_ack(): not before the server has sent FIN. Maybe if there
 * is no socket (TIME-WAIT replies before Linux 6.13, forwarded packets).
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
 * owner_is_sender(): the kernel answers unmatched packets from the listener or
 * an internal socket, which have no peer. The local port is not compared: a
 * socket that sends RST has already released it.
 */
static __always_inline bool socket_is_sender(struct __sk_buff *skb,
					     const struct packet *p)
{
	struct bpf_sock *sk = skb->sk;

	return sk && sk->dst_port == p->tuple.client_port;
}

/*
 * Before Linux 6.13 TCP's own RST over IPv6 has no socket either. By default it
 * has a flow label (net.ipv6.auto_flowlabels); nf_reject_ip6hdr_put() sets
 * none.
 */
static __always_inline bool socket_has_flow_label(struct __sk_buff *skb,
						  const struct packet *p)
{
	__be32 head = 0;

	return !p->v4 && !bpf_skb_load_bytes(skb, p->l3, &head, sizeof(head)) &&
	       head & bpf_htonl(0xfffff);
}

/*
 * owner_may_be_sender(): TCP sends its resets from the connection's socket, the
 * listener's, or one per CPU, all of protocol TCP; what was forwarded has an
 * ingress interface. A firewall's RST (nf_send_reset() in
 * net/ipv4/netfilter/nf_reject_ipv4.c) has neither, and one from a program has
 * a packet or raw socket.
 */
static __always_inline bool socket_may_be_sender(struct __sk_buff *skb,
						 const struct packet *p)
{
	struct bpf_sock *sk = skb->sk;

	if (!sk)
		return skb->ingress_ifindex || socket_has_flow_label(skb, p);
	sk = bpf_sk_fullsock(sk);
	return !sk || sk->protocol == IPPROTO_TCP;
}

#endif
