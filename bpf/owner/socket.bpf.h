/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: what the kernel has for a packet's 4-tuple. Its socket
 * has the last word on every connection: before a cookie is demanded, before
 * a FIN or RST is believed, it is looked up. The sequence numbers that it
 * expects are read from it, not tracked here: a packet of an established
 * session must cost nothing.
 */
#ifndef SYNKEEPER_SOCKET_BPF_H
#define SYNKEEPER_SOCKET_BPF_H

#include "cookie/kernel_cookie.bpf.h"

struct socket {
	__u32 state; /* enum kernel_state; 0: nothing */
	/* of a full socket: struct tcp_sock's members, host byte order */
	__u32 rcv_nxt;
	__u32 rcv_wup;
	__u32 rcv_wnd;
	__u32 snd_una;
	__u32 max_window;
	__u32 write_seq;
	bool kernel_cookie; /* of a listener: it made the cookie of this ACK */
};

static __always_inline bool socket_is_full(const struct socket *sk)
{
	switch (sk->state) {
	case 0:
	case KERNEL_LISTEN:
	case KERNEL_NEW_SYN_RECV:
	case KERNEL_TIME_WAIT:
		return false;
	default:
		return true;
	}
}

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

static __always_inline void socket_read(struct bpf_sock *sk, struct socket *ret)
{
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);

	if (!tp)
		return;
	ret->rcv_nxt = tp->rcv_nxt;
	ret->rcv_wup = tp->rcv_wup;
	ret->rcv_wnd = tp->rcv_wnd;
	ret->snd_una = tp->snd_una;
	ret->max_window = tp->max_window;
	ret->write_seq = tp->write_seq;
}

/*
 * Asks the kernel. @maybe_cookie: also ask a listener whether it made the
 * cookie that the ACK bears.
 */
static __noinline int socket_lookup(struct xdp_md *ctx, const struct packet *p,
				    bool maybe_cookie, struct socket *ret)
{
	struct bpf_sock_tuple tuple = {};
	__u32 len = socket_tuple(p, &tuple);
	struct bpf_sock *sk;

	__builtin_memset(ret, 0, sizeof(*ret));
	sk = bpf_skc_lookup_tcp(ctx, &tuple, len, BPF_F_CURRENT_NETNS, 0);
	if (!sk)
		return 0;
	ret->state = sk->state;
	if (ret->state == KERNEL_LISTEN && maybe_cookie)
		ret->kernel_cookie = kernel_cookie_check(sk, p);
	else if (socket_is_full(ret))
		socket_read(sk, ret);
	bpf_sk_release(sk);
	return 0;
}

static __always_inline bool seq_after(__u32 a, __u32 b)
{
	return (__s32)(a - b) > 0;
}

/*
 * Would the kernel take a segment from @seq to @end that acknowledges @ack?
 * As tcp_sequence() and tcp_ack() of net/ipv4/tcp_input.c: RFC 9293 section
 * 3.10.7.4, RFC 5961 section 5.2. Segments in front of it in the same driver
 * batch are not in rcv_nxt yet, so all of the window will do. Nor is snd_nxt
 * moved before a packet has gone to the driver (tcp_write_xmit()), and a near
 * client may be faster: what was written counts as sent.
 */
static __always_inline bool socket_takes(const struct socket *sk, __u32 seq,
					 __u32 end)
{
	return !seq_after(sk->rcv_wup, end) &&
	       !seq_after(seq, sk->rcv_wup + sk->rcv_wnd);
}

static __always_inline bool socket_takes_ack(const struct socket *sk, __u32 ack)
{
	return !seq_after(sk->snd_una - sk->max_window, ack) &&
	       !seq_after(ack, sk->write_seq);
}

#endif
