/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the second back-end, the kernel's own SYN cookies, for
 * listeners for which bpf_sk_assign_tcp_reqsk() fails (MPTCP) and for kernels
 * without it (before Linux 6.9). The listener makes and checks the cookies
 * (bpf_tcp_gen_syncookie(), bpf_tcp_check_syncookie(), net/core/filter.c) and
 * remembers having done so: the kernel then accepts the ACK by itself, without
 * tc. It makes cookies only while net.ipv4.tcp_syncookies is 2, which the
 * daemon ensures. Both helpers get headers built from struct packet: they need
 * memory of known size, and read only the fields filled in here.
 *
 * The cookie holds the MSS. Everything else the kernel takes from the timestamp
 * that the client echoes, if any (cookie_timestamp_decode() and
 * cookie_init_timestamp(), net/ipv4/syncookies.c):
 *
 *     31                                               6  5  4  3    0
 *    +--------------------------------------------------+--+--+-------+
 *    |         the kernel's clock, ms, rounded down     |ec|sa| wscale|  TSval
 *    +--------------------------------------------------+--+--+-------+
 *
 * With tcp_timestamps = 1, the default, the kernel first subtracts a secret
 * offset: it would decode random options from a timestamp of ours, so none is
 * offered. With tcp_timestamps = 2 there is no offset.
 */
#ifndef SYNKEEPER_KERNEL_COOKIE_BPF_H
#define SYNKEEPER_KERNEL_COOKIE_BPF_H

#include "packet.bpf.h"
#include "synkeeper/cookie.h"
#include "synkeeper/tcpopt_fast.h"

enum {
	RCVBUF_LOCKED = 2, /* SOCK_RCVBUF_LOCK of include/net/sock.h */
	KERNEL_TS_ECN = 1 << 5,
	KERNEL_TS_SACK = 1 << 4,
	KERNEL_TS_OPTS = 0x3f,
	KERNEL_TS_UNIT = KERNEL_TS_OPTS + 1, /* the clock's unit above them */
};

struct headers {
	union {
		struct iphdr v4;
		struct ipv6hdr v6;
	};
	struct tcphdr tcp;
	__be32 mss; /* option */
};

static __always_inline void headers_of(const struct packet *p, __u32 tcp_len,
				       struct headers *ret)
{
	__builtin_memset(ret, 0, sizeof(*ret));
	if (p->v4) {
		*(__u8 *)&ret->v4 = 0x45;
		ret->v4.saddr = p->tuple.client[3];
		ret->v4.daddr = p->tuple.server[3];
	} else {
		*(__u8 *)&ret->v6 = 0x60;
		__builtin_memcpy(&ret->v6.saddr, p->tuple.client, 16);
		__builtin_memcpy(&ret->v6.daddr, p->tuple.server, 16);
	}
	ret->tcp.source = p->tuple.client_port;
	ret->tcp.dest = p->tuple.server_port;
	ret->tcp.seq = bpf_htonl(p->seq);
	ret->tcp.ack_seq = bpf_htonl(p->ack);
	((__u8 *)&ret->tcp)[12] = tcp_len << 2;
}

/*
 * Has the listener make a cookie for SYN @p of a client with this @mss. Returns
 * false if the kernel makes none: the accept queue is full, or tcp_syncookies
 * is not, or no longer, 2.
 */
static __always_inline bool kernel_cookie_make(struct bpf_sock *listener,
					       const struct packet *p,
					       __u32 mss, __u32 *ret_isn)
{
	enum { LEN = sizeof(struct tcphdr) + 4 };
	struct headers h;
	__s64 made;

	headers_of(p, LEN, &h);
	((__u8 *)&h.tcp)[13] = FLAG_SYN;
	h.mss = bpf_htonl(WORD_MSS | mss);
	if (p->v4)
		made = bpf_tcp_gen_syncookie(listener, &h.v4, sizeof(h.v4),
					     &h.tcp, LEN);
	else
		made = bpf_tcp_gen_syncookie(listener, &h.v6, sizeof(h.v6),
					     &h.tcp, LEN);
	*ret_isn = made;
	return made >= 0;
}

/* Does ACK @p carry a cookie that the listener made recently? */
static __always_inline bool kernel_cookie_check(struct bpf_sock *listener,
						const struct packet *p)
{
	struct headers h;

	headers_of(p, sizeof(h.tcp), &h);
	((__u8 *)&h.tcp)[13] = FLAG_ACK;
	if (p->v4)
		return !bpf_tcp_check_syncookie(listener, &h.v4, sizeof(h.v4),
						&h.tcp, sizeof(h.tcp));
	return !bpf_tcp_check_syncookie(listener, &h.v6, sizeof(h.v6), &h.tcp,
					sizeof(h.tcp));
}

/*
 * The kernel derives its window scale from tcp_rmem and rmem_max, as the daemon
 * does for the endpoint, unless the listener has its own receive buffer or
 * window clamp, which the daemon may not have seen yet. A route can bound it as
 * well: if the daemon finds such a route, it clears SETTING_KERNEL_TS.
 */
static __always_inline bool kernel_scale_is_known(struct bpf_sock *listener)
{
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(listener);

	return tp && !tp->window_clamp &&
	       !(BPF_CORE_READ_BITFIELD((struct sock *)tp, sk_userlocks) &
		 RCVBUF_LOCKED);
}

/*
 * Reduces @hs to what the kernel can recover from the ACK, and returns the
 * timestamp that encodes it; 0: send none.
 */
static __always_inline __u32 kernel_cookie_ts(const struct settings *cfg,
					      struct bpf_sock *listener,
					      struct handshake *hs)
{
	__u32 now = bpf_ktime_get_ns() / 1000000, opts, ts;

	if (!hs->ts || !(cfg->flags & SETTING_KERNEL_TS)) {
		hs->ts = hs->sack = hs->ecn = 0;
		hs->wscale = WSCALE_NONE;
		return 0;
	}
	if (hs->wscale != WSCALE_NONE && !kernel_scale_is_known(listener))
		hs->wscale = WSCALE_NONE;
	opts = (hs->ecn ? KERNEL_TS_ECN : 0) | (hs->sack ? KERNEL_TS_SACK : 0) |
	       hs->wscale; /* the kernel encodes "none" as 15, too */
	ts = (now & ~KERNEL_TS_OPTS) | opts;
	return (__s32)(ts - now) > 0 ? ts - KERNEL_TS_UNIT : ts; /* not ahead */
}

#endif
