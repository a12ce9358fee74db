// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: the kernel around the programs: sockets, rings, clock. A
 * socket that was looked up is a heap block of its own until it is released; so
 * are its struct tcp_sock and a ring buffer entry.
 */
#include "native.h"

#include <stdlib.h>
#include <string.h>

#include <bpf/bpf_endian.h>

#include "synkeeper/session_table.h"

enum { EINVAL = 22, ENOENT = 2 };

static struct bpf_sock *found; /* and not released yet */
static struct tcp_sock *full;
static void *entry; /* of a ring, not submitted yet */
static __u64 entry_size;

/* After each run. */
void native_settle(void);
void native_settle(void)
{
	if (found)
		finding("a socket was not released");
	if (entry)
		finding("a ring's entry was not submitted");
}

__u64 bpf_ktime_get_ns(void)
{
	return native.fine_ns ? native.fine_ns : native.clock_ns;
}

__u64 bpf_ktime_get_tai_ns(void)
{
	return native.clock_ns;
}

__u64 bpf_ktime_get_coarse_ns(void)
{
	return native.clock_ns;
}

__u32 bpf_get_smp_processor_id(void)
{
	return 0;
}

long bpf_loop(__u32 n, long (*step)(__u32 i, void *ctx), void *ctx, __u64 flags)
{
	__u32 i;

	(void)flags;
	for (i = 0; i < n; i++)
		if (step(i, ctx))
			return i + 1;
	return i;
}

/* As on a host whose lo does not forward; see path/next_hop.bpf.h. */
long bpf_fib_lookup(void *ctx, struct bpf_fib_lookup *params, int len,
		    __u32 flags)
{
	(void)ctx;
	(void)params;
	(void)flags;
	return len == sizeof(*params) ? 5 : -EINVAL;
}

/* ---- rings ---- */

void *bpf_ringbuf_reserve(void *ring, __u64 size, __u64 flags)
{
	(void)ring;
	(void)flags;
	if (entry)
		finding("two ring entries at once");
	if (!native.room)
		return NULL;
	native.room--;
	entry_size = size;
	return entry = malloc(size);
}

void bpf_ringbuf_submit(void *data, __u64 flags)
{
	(void)flags;
	if (!data || data != entry)
		finding("a ring entry that nobody reserved");
	if (entry_size == sizeof(struct event)) {
		memcpy(&native.event, data, sizeof(native.event));
		native.events++;
	} else {
		memcpy(&native.sample, data, sizeof(native.sample));
		native.samples++;
	}
	free(entry);
	entry = NULL;
}

/* ---- sockets ---- */

static void note_tuple(const struct bpf_sock_tuple *t, __u32 len)
{
	struct tuple *asked = &native.asked;

	memset(asked, 0, sizeof(*asked));
	if (len == sizeof(t->ipv4)) {
		asked->client[2] = asked->server[2] = bpf_htonl(0xffff);
		asked->client[3] = t->ipv4.saddr;
		asked->server[3] = t->ipv4.daddr;
		asked->client_port = t->ipv4.sport;
		asked->server_port = t->ipv4.dport;
	} else if (len == sizeof(t->ipv6)) {
		memcpy(asked->client, t->ipv6.saddr, 16);
		memcpy(asked->server, t->ipv6.daddr, 16);
		asked->client_port = t->ipv6.sport;
		asked->server_port = t->ipv6.dport;
	} else {
		finding("a look-up of %u bytes", len);
	}
	native.lookups++;
}

/* The programs that make tail calls are never run here. */
long bpf_tail_call(void *ctx, void *programs, __u32 index)
{
	(void)ctx;
	(void)programs;
	finding("a tail call to %u", index);
	return -1;
}

long bpf_redirect(__u32 ifindex, __u64 flags)
{
	if (flags != 1) /* BPF_F_INGRESS */
		finding("a redirect to %u with flags %llu", ifindex, flags);
	return TCX_REDIRECT;
}

struct bpf_sock *bpf_skc_lookup_tcp(void *ctx, struct bpf_sock_tuple *tuple,
				    __u32 len, __u64 netns, __u64 flags)
{
	const struct native_socket *s = &native.socket;

	(void)ctx;
	if (netns != (__u64)BPF_F_CURRENT_NETNS || flags)
		finding("a look-up with netns %llu, flags %llu", netns, flags);
	if (found)
		finding("two sockets at once");
	note_tuple(tuple, len);
	if (!s->state ||
	    (native.socket_port &&
	     native.asked.server_port != bpf_htons(native.socket_port)))
		return NULL;
	found = calloc(1, sizeof(*found));
	found->state = s->state;
	return found;
}

long bpf_sk_release(void *sk)
{
	if (!sk || sk != found)
		finding("a socket is released that was not found");
	free(full);
	free(found);
	full = NULL;
	found = NULL;
	return 0;
}

struct tcp_sock *bpf_skc_to_tcp_sock(void *sk)
{
	const struct native_socket *s = &native.socket;

	if (!sk || sk != found)
		finding("not a socket that was found");
	if (s->state == KERNEL_TIME_WAIT || s->state == KERNEL_NEW_SYN_RECV)
		return NULL; /* no full socket */
	free(full);
	full = malloc(sizeof(*full));
	*full = (struct tcp_sock){
		.rcv_nxt = s->rcv_nxt,
		.rcv_wup = s->rcv_wup,
		.rcv_wnd = s->rcv_wnd,
		.snd_una = s->snd_una,
		.snd_nxt = s->snd_nxt,
		.max_window = s->max_window,
		.write_seq = s->write_seq,
		.window_clamp = s->own_clamp ? 30000 : 0,
	};
	return full;
}

/* SOCK_RCVBUF_LOCK of include/net/sock.h */
unsigned int native_sk_userlocks(const void *sk)
{
	if (!sk || sk != full)
		finding("the locks of a socket that was not found");
	return native.socket.own_buffer ? 2 : 0;
}

/* Its accept queue is empty. */
unsigned int native_sk_ack_backlog(const void *sk)
{
	if (!sk || sk != full)
		finding("the queue of a socket that was not found");
	return 0;
}

unsigned int native_sk_max_ack_backlog(const void *sk)
{
	return native_sk_ack_backlog(sk) + 128;
}

struct bpf_sock *bpf_sk_fullsock(struct bpf_sock *sk)
{
	sk->protocol = IPPROTO_TCP;
	return sk;
}

/*
 * Checks the headers passed to a cookie helper, as the verifier and the helper
 * do: complete, and of one packet of the socket's.
 */
static void read_headers(const void *sk, const void *ip, __u32 ip_len,
			 const struct tcphdr *tcp, __u32 tcp_len,
			 unsigned char tcp_flags, unsigned char ret_tcp[60],
			 struct native_syn *ret)
{
	unsigned char copy[40];
	struct tuple *t = &ret->tuple;
	bool v4 = ip_len == 20;

	if (!sk || sk != found)
		finding("not a socket that was found");
	if ((ip_len != 20 && ip_len != 40) || tcp_len < 20 || tcp_len > 60)
		finding("headers of %u and %u bytes for a cookie helper",
			ip_len, tcp_len);
	memcpy(copy, ip, ip_len);
	memcpy(ret_tcp, tcp, tcp_len);
	if (copy[0] >> 4 != (v4 ? 4 : 6) || ret_tcp[12] >> 4 != tcp_len / 4 ||
	    ret_tcp[13] != tcp_flags)
		finding("version %u, %u words, flags %#x for a cookie helper",
			copy[0] >> 4, ret_tcp[12] >> 4, ret_tcp[13]);
	memset(ret, 0, sizeof(*ret));
	if (v4)
		t->client[2] = t->server[2] = bpf_htonl(0xffff);
	memcpy(v4 ? &t->client[3] : t->client, copy + (v4 ? 12 : 8),
	       v4 ? 4 : 16);
	memcpy(v4 ? &t->server[3] : t->server, copy + (v4 ? 16 : 24),
	       v4 ? 4 : 16);
	memcpy(&t->client_port, ret_tcp, 2);
	memcpy(&t->server_port, ret_tcp + 2, 2);
	ret->seq = bpf_ntohl(*(__be32 *)(ret_tcp + 4));
	if (!tuple_equal(t, &native.asked))
		finding("a cookie helper is asked of another tuple");
}

/* Recognises the cookie that it made, or whatever it is given. */
long bpf_tcp_check_syncookie(void *sk, void *ip, __u32 ip_len,
			     struct tcphdr *tcp, __u32 tcp_len)
{
	const struct native_socket *s = &native.socket;
	unsigned char copy[60];
	struct native_syn ack;
	__u32 cookie;

	read_headers(sk, ip, ip_len, tcp, tcp_len, 0x10, copy, &ack);
	cookie = bpf_ntohl(*(__be32 *)(copy + 8)) - 1;
	if (s->state != KERNEL_LISTEN)
		return -EINVAL;
	return s->sent_cookie || (s->knows_own && cookie == (__u32)s->cookie)
		       ? 0
		       : -ENOENT;
}

__s64 bpf_tcp_gen_syncookie(void *sk, void *ip, __u32 ip_len,
			    struct tcphdr *tcp, __u32 tcp_len)
{
	const struct native_socket *s = &native.socket;
	unsigned char copy[60];
	struct native_syn syn;

	read_headers(sk, ip, ip_len, tcp, tcp_len, 0x02, copy, &syn);
	if (tcp_len != 24 || copy[20] != 2 || copy[21] != 4)
		finding("the MSS is not the option of the SYN");
	if (s->state != KERNEL_LISTEN)
		return -EINVAL;
	if (!s->cookie)
		return -ENOENT;
	syn.mss = copy[22] << 8 | copy[23];
	native.cookie = syn;
	native.cookies++;
	return s->cookie;
}

int bpf_sk_assign_tcp_reqsk(struct __sk_buff *skb, struct sock *sk,
			    struct bpf_tcp_req_attrs *attrs, int attrs__sz);
int bpf_sk_assign_tcp_reqsk(struct __sk_buff *skb, struct sock *sk,
			    struct bpf_tcp_req_attrs *attrs, int attrs__sz)
{
	(void)skb;
	if (!sk || (void *)sk != full)
		finding("not a full socket that was found");
	if (attrs__sz != sizeof(*attrs) || attrs->reserved[0] ||
	    attrs->reserved[1] || attrs->reserved[2])
		return -EINVAL;
	/* what the kernel itself refuses: net/core/filter.c */
	if (attrs->wscale_ok &&
	    (attrs->snd_wscale > 14 || attrs->rcv_wscale > 14))
		finding("window scales %u and %u", attrs->snd_wscale,
			attrs->rcv_wscale);
	native.assigned++;
	return native.socket.assign;
}
