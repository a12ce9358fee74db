/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: a BPF iterator over TCP sockets that tells what
 * listeners were told with setsockopt(). It is an object of its own, so that a
 * kernel that refuses it still gets the data path.
 *
 * The kernel shows listeners before connections (tcp_seek_last_pos() of
 * net/ipv4/tcp_ipv4.c), and there may be a million of those, in other network
 * namespaces, too: looking for the first one may already take long. So the walk
 * ends at the last listener. It is told how many there are, and ends by asking
 * for a repetition (1), which read() reports as EAGAIN. Records are stored in a
 * global: what that one call had written to the seq_file would be lost.
 */
#include "synkeeper/listener.h"

enum {
	ITER_NEXT = 0,
	ITER_STOP = 1,
	KERNEL_LISTEN = 10,
	RCVBUF_LOCKED = 2,
	NEEDS_ECN = 2
};

/* The members that are read; CO-RE finds them in the kernel's types. */
#define PARTLY __attribute__((preserve_access_index))

struct sock_common___part {
	unsigned char skc_state;
} PARTLY;

struct sock___part {
	__u8 sk_userlocks : 4;
	void *sk_filter;
} PARTLY;

struct ipv6_pinfo___part {
	__s16 hop_limit; /* a bit field until Linux 6.7 */
	__u8 tclass;
	__u8 min_hopcount;
} PARTLY;

struct inet_sock___part {
	struct sock___part sk;
	struct ipv6_pinfo___part *pinet6;
	__s16 uc_ttl;
	__u8 tos;
	__u8 min_ttl;
} PARTLY;

struct fastopen_queue___part {
	int max_qlen;
} PARTLY;

struct request_sock_queue___part {
	__u8 rskq_defer_accept;
	struct fastopen_queue___part fastopenq;
} PARTLY;

struct tcp_congestion_ops___part {
	__u32 flags;
} PARTLY;

struct inet_connection_sock___part {
	struct inet_sock___part icsk_inet;
	struct tcp_congestion_ops___part *icsk_ca_ops;
	struct request_sock_queue___part icsk_accept_queue;
} PARTLY;

struct tcp_options_received___part {
	__u16 user_mss;
} PARTLY;

struct tcp_sock___part {
	struct inet_connection_sock___part inet_conn;
	struct tcp_options_received___part rx_opt;
	__u32 window_clamp;
	__u8 save_syn : 2;
	void *ao_info; /* Linux 6.7, CONFIG_TCP_AO */
} PARTLY;

/* struct bpf_iter__tcp */
struct tcp_iter {
	void *meta;
	struct sock_common___part *sk; /* NULL: the end */
	__u32 uid;
};

struct listener_batch batch;

static __always_inline __u8 hops(__s64 set)
{
	return set < 0 ? 0 : set; /* -1: not set */
}

static __always_inline void read_ipv6(const struct ipv6_pinfo___part *np,
				      struct listener_settings *ret)
{
	if (!np)
		return;
	ret->hop_limit = hops((__s16)BPF_CORE_READ_BITFIELD(np, hop_limit));
	ret->tclass = np->tclass;
	ret->min_hop_limit = np->min_hopcount;
}

static __always_inline void read_settings(const struct tcp_sock___part *tp,
					  struct listener_settings *ret)
{
	const struct inet_sock___part *inet = &tp->inet_conn.icsk_inet;
	const struct request_sock_queue___part *queue =
		&tp->inet_conn.icsk_accept_queue;

	ret->mss = tp->rx_opt.user_mss;
	ret->ttl = hops(inet->uc_ttl);
	ret->tos = inet->tos;
	ret->min_ttl = inet->min_ttl;
	read_ipv6(inet->pinet6, ret);
	ret->defer = queue->rskq_defer_accept;
	ret->fast_open = queue->fastopenq.max_qlen > 0;
	ret->save_syn = !!BPF_CORE_READ_BITFIELD(tp, save_syn);
	ret->filter = inet->sk.sk_filter != NULL;
	ret->window_clamp = tp->window_clamp;
	if (tp->inet_conn.icsk_ca_ops)
		ret->needs_ecn =
			!!(tp->inet_conn.icsk_ca_ops->flags & NEEDS_ECN);
	ret->rcvbuf_locked =
		!!(BPF_CORE_READ_BITFIELD(&inet->sk, sk_userlocks) &
		   RCVBUF_LOCKED);
	if (bpf_core_field_exists(tp->ao_info))
		ret->signs = tp->ao_info != NULL;
}

SEC("iter/tcp")
int synkeeper_listen(struct tcp_iter *ctx)
{
	struct sock_common___part *sk = ctx->sk;
	const struct tcp_sock___part *tp;
	struct listener_record *record;
	__u32 n = batch.n;

	if (!sk)
		return ITER_NEXT;
	if (sk->skc_state != KERNEL_LISTEN || !batch.left)
		return ITER_STOP;
	if (n >= LISTENERS_AT_ONCE) {
		batch.more = 1;
		return ITER_STOP;
	}
	batch.left--;
	tp = (void *)bpf_skc_to_tcp_sock(sk);
	if (tp) {
		record = &batch.at[n];
		__builtin_memset(record, 0, sizeof(*record));
		record->cookie = bpf_get_socket_cookie(sk);
		read_settings(tp, &record->settings);
		batch.n = n + 1;
	}
	return batch.left ? ITER_NEXT : ITER_STOP;
}

/* Required: the helpers are GPL-only. */
char LICENSE[] SEC("license") = "GPL";
