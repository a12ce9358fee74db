/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the second back-end, the kernel's own SYN cookies, for
 * listeners that take no socket from bpf_sk_assign_tcp_reqsk() (MPTCP) and for
 * kernels that lack it (before Linux 6.9). The listener makes and checks them
 * (bpf_tcp_gen_syncookie(), bpf_tcp_check_syncookie(), net/core/filter.c), and
 * remembers that it did: so the kernel accepts the ACK by itself, without tc.
 * It makes them only while net.ipv4.tcp_syncookies is 2, which the daemon sees
 * to. Make and check are handed headers built from struct packet: they want
 * memory of known size, and read no more of it than what is filled in here.
 *
 * The cookie holds the MSS. All else the kernel reads from the timestamp that
 * the client echoes, if there is one (cookie_timestamp_decode() and
 * cookie_init_timestamp(), net/ipv4/syncookies.c):
 *
 *     31                                               6  5  4  3    0
 *    +--------------------------------------------------+--+--+-------+
 *    |         the kernel's clock, ms, rounded down     |ec|sa| wscale|  TSval
 *    +--------------------------------------------------+--+--+-------+
 *
 * From it it first takes an offset that is secret where tcp_timestamps is 1,
 * the default: then a timestamp of ours would be read as any options, and none
 * is offered. Where tcp_timestamps is 2 there is no offset.
 */
#ifndef SYNKEEPER_KERNEL_COOKIE_BPF_H
#define SYNKEEPER_KERNEL_COOKIE_BPF_H

#include "packet.bpf.h"
#include "synkeeper/cookie.h"
#include "synkeeper/tcpopt_fast.h"

enum {
	RCVBUF_LOCKED = 2, /* SOCK_RCVBUF_LOCK of include/net/sock.h */
	TS_UNIT = COOKIE_TS_OPTS + 1, /* the options' place in the clock */
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
 * Makes the listener's cookie for SYN @p of a client that takes segments of
 * @mss. Returns false if the kernel makes none: its accept queue is full, or
 * tcp_syncookies is not 2 (any more).
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

/* Did the listener make the cookie that ACK @p bears, lately? */
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
 * The scale that the kernel will use follows from tcp_rmem and rmem_max, as the
 * endpoint's does, unless the listener's own buffer or clamp bounds it. Or a
 * route: the daemon looks for such, and then takes SETTING_KERNEL_TS back.
 */
static __always_inline bool kernel_scale_is_known(struct bpf_sock *listener)
{
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(listener);

	return tp && !tp->window_clamp &&
	       !(BPF_CORE_READ_BITFIELD((struct sock *)tp, sk_userlocks) &
		 RCVBUF_LOCKED);
}

/*
 * Leaves in @hs what the kernel will understand of it when the ACK comes, and
 * returns the timestamp that says it; 0: none is sent.
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
	opts = (hs->ecn ? COOKIE_TS_ECN : 0) | (hs->sack ? COOKIE_TS_SACK : 0) |
	       hs->wscale; /* WSCALE_NONE as the kernel writes it, too */
	ts = (now & ~COOKIE_TS_OPTS) | opts;
	return (__s32)(ts - now) > 0 ? ts - TS_UNIT : ts; /* never ahead */
}

#endif
