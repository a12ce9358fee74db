// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: the minimal handshake. XDP answers Linux' SYN in place,
 * and its ACK is handed to the listener at tc. There is no cookie worth the
 * name, no service, no table of sessions; nothing is counted, and connections
 * are not followed to their end. It is the baseline for connections a second:
 * what is between it and a program that only passes is the price of answering
 * in XDP and of the kernel's own way to make a socket from that.
 *
 * floor_xdp_line also remembers: the ACK stores to a line of its connection's,
 * and each later packet of the client's marks it. The lines take as much memory
 * as the sessions of a table for a million, and the next connection's is
 * elsewhere: it is in no cache.
 */
#include "vmlinux.h"
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

enum {
	PORT = 80,
	TH_FIN = 0x01,
	TH_SYN = 0x02,
	TH_RST = 0x04,
	TH_ACK = 0x10,
	SYN_WORDS = 10, /* TCP header of Linux' SYN and of its ACK */
	ACK_WORDS = 8,
	SCALE = 7,
	MSS = 1460,
	META_MAGIC = 0x464c4f4f,
	LISTEN = 10,
	CURRENT_NETNS = -1,
	ISN_MASK = 0x5a5a5a50,
	NEXT = -1,	/* TCX_NEXT, TC_ACT_UNSPEC */
	AGAIN = 0x464c, /* a tc_index */
	INGRESS = 1,	/* BPF_F_INGRESS */
};

#define SWAP(a, b)                       \
	do {                             \
		typeof(a) swapped = (a); \
		(a) = (b);               \
		(b) = swapped;           \
	} while (0)

/* As many lines, of the same size, as Synkeeper has by default. */
struct line {
	__u64 live;
	__u64 rest[7];
};

enum { LINES = 1 << 21, HASH_SHIFT = 43 };
#define HASH_MUL 0x9e3779b97f4a7c15ULL

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, LINES);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct line);
} lines SEC(".maps");

struct frame {
	struct ethhdr eth;
	struct iphdr ip;
	__be32 tcp[SYN_WORDS];
} __attribute__((packed));

struct meta {
	__u32 magic;
	struct bpf_tcp_req_attrs attrs;
};

/* The server's ISN for the client's; the lowest bits are the client's scale. */
static __always_inline __u32 isn_of(__u32 client, __u32 scale)
{
	return ((client ^ ISN_MASK) & ~15U) | (scale & 15);
}

static __always_inline int answer(struct frame *f)
{
	__u32 client = bpf_ntohl(f->tcp[1]);
	__u32 scale = bpf_ntohl(f->tcp[9]) & 15;
	__s64 sum;
	int i;

	for (i = 0; i < 6; i++)
		SWAP(f->eth.h_dest[i], f->eth.h_source[i]);
	SWAP(f->ip.saddr, f->ip.daddr);
	f->tcp[0] = f->tcp[0] << 16 | f->tcp[0] >> 16; /* ports */
	f->tcp[1] = bpf_htonl(isn_of(client, scale));
	f->tcp[2] = bpf_htonl(client + 1);
	f->tcp[3] |= bpf_htonl(TH_ACK << 16);
	f->tcp[4] = 0;	       /* checksum, computed below */
	f->tcp[8] = f->tcp[7]; /* the client's timestamp, in MSS SACK TS WS */
	f->tcp[7] = bpf_htonl(1);
	f->tcp[9] = bpf_htonl(0x01030300 | SCALE);
	sum = bpf_csum_diff(NULL, 0, f->tcp, sizeof(f->tcp), 0);
	sum = (sum & 0xffffffff) + f->ip.saddr + f->ip.daddr +
	      bpf_htonl(IPPROTO_TCP << 16 | sizeof(f->tcp));
	for (i = 0; i < 2; i++)
		sum = (sum & 0xffffffff) + (sum >> 32);
	for (i = 0; i < 2; i++)
		sum = (sum & 0xffff) + (sum >> 16);
	((__u16 *)f->tcp)[8] = ~sum;
	return XDP_TX;
}

static __always_inline int hand_over(struct xdp_md *ctx, const __be32 *tcp)
{
	__u32 client = bpf_ntohl(tcp[1]) - 1, server = bpf_ntohl(tcp[2]) - 1;
	__u32 tsval = bpf_ntohl(tcp[6]), tsecr = bpf_ntohl(tcp[7]);
	struct meta *meta;

	if (server != isn_of(client, server))
		return XDP_PASS;
	if (bpf_xdp_adjust_meta(ctx, -(int)sizeof(*meta)))
		return XDP_PASS;
	meta = (void *)(long)ctx->data_meta;
	if ((void *)(meta + 1) > (void *)(long)ctx->data)
		return XDP_PASS;
	__builtin_memset(meta, 0, sizeof(*meta));
	meta->magic = META_MAGIC;
	meta->attrs.mss = MSS;
	meta->attrs.sack_ok = 1;
	meta->attrs.wscale_ok = 1;
	meta->attrs.snd_wscale = server & 15;
	meta->attrs.rcv_wscale = SCALE;
	meta->attrs.tstamp_ok = 1;
	meta->attrs.rcv_tsval = tsval;
	meta->attrs.rcv_tsecr = tsecr;
	return XDP_PASS;
}

static __always_inline bool has_data(const struct frame *f)
{
	return bpf_ntohs(f->ip.tot_len) > sizeof(f->ip) + ACK_WORDS * 4;
}

/* Is it the ACK of a handshake, or the first data? */
static __always_inline bool begins(const struct frame *f)
{
	__u32 server = bpf_ntohl(f->tcp[2]) - 1;

	return !has_data(f) &&
	       server == isn_of(bpf_ntohl(f->tcp[1]) - 1, server);
}

static __always_inline void remember(const struct frame *f, bool begins)
{
	__u64 client = (__u64)f->tcp[0] << 32 | f->ip.saddr;
	__u32 at = (client * HASH_MUL) >> HASH_SHIFT;
	struct line *l = bpf_map_lookup_elem(&lines, &at);

	if (!l)
		return;
	if (begins) {
		l->rest[0] = client;
		__sync_lock_test_and_set(&l->live, f->tcp[1]);
	} else {
		__sync_fetch_and_or(&l->live, 1);
	}
}

static __always_inline int handshake(struct xdp_md *ctx, bool remembers)
{
	struct frame *f = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	__u32 words, flags;

	/* all IPv4 TCP without IP options, with timestamps */
	if ((void *)&f->tcp[ACK_WORDS] > end ||
	    f->eth.h_proto != bpf_htons(0x0800) || *(__u8 *)&f->ip != 0x45 ||
	    f->ip.protocol != IPPROTO_TCP ||
	    (bpf_ntohl(f->tcp[0]) & 0xffff) != PORT)
		return XDP_PASS;
	words = bpf_ntohl(f->tcp[3]) >> 28;
	flags = bpf_ntohl(f->tcp[3]) >> 16 &
		(TH_SYN | TH_ACK | TH_FIN | TH_RST);
	if (flags == TH_SYN && words == SYN_WORDS && (void *)(f + 1) <= end)
		return answer(f);
	if (remembers)
		remember(f, begins(f));
	if (flags == TH_ACK && words == ACK_WORDS)
		return hand_over(ctx, f->tcp);
	return XDP_PASS;
}

SEC("xdp")
int floor_xdp(struct xdp_md *ctx)
{
	return handshake(ctx, false);
}

SEC("xdp")
int floor_xdp_line(struct xdp_md *ctx)
{
	return handshake(ctx, true);
}

extern int bpf_sk_assign_tcp_reqsk(struct __sk_buff *skb, struct sock *sk,
				   struct bpf_tcp_req_attrs *attrs,
				   int attrs__sz) __ksym;

/* A request in one batch with its ACK, which has no socket yet. */
static __always_inline int behind(struct __sk_buff *skb)
{
	if (skb->tc_index == AGAIN)
		return NEXT;
	skb->tc_index = AGAIN;
	return bpf_redirect(skb->ifindex, INGRESS);
}

SEC("tc")
int floor_tc(struct __sk_buff *skb)
{
	struct meta *meta = (void *)(long)skb->data_meta;
	struct frame *f = (void *)(long)skb->data;
	struct bpf_tcp_req_attrs attrs;
	struct bpf_sock_tuple t = {};
	struct tcp_sock *listener;
	struct bpf_sock *sk;
	int verdict = NEXT;

	if ((void *)(meta + 1) > (void *)(long)skb->data ||
	    meta->magic != META_MAGIC)
		return NEXT;
	if ((void *)&f->tcp[ACK_WORDS] > (void *)(long)skb->data_end)
		return NEXT;
	attrs = meta->attrs;
	t.ipv4.saddr = f->ip.saddr;
	t.ipv4.daddr = f->ip.daddr;
	t.ipv4.sport = ((__be16 *)f->tcp)[0];
	t.ipv4.dport = ((__be16 *)f->tcp)[1];
	sk = bpf_skc_lookup_tcp(skb, &t, sizeof(t.ipv4), CURRENT_NETNS, 0);
	if (!sk)
		return NEXT;
	if (sk->state == LISTEN && has_data(f)) {
		verdict = behind(skb);
	} else if (sk->state == LISTEN) {
		listener = bpf_skc_to_tcp_sock(sk);
		if (listener)
			bpf_sk_assign_tcp_reqsk(skb, (struct sock *)listener,
						&attrs, sizeof(attrs));
	}
	bpf_sk_release(sk);
	return verdict;
}

char LICENSE[] SEC("license") = "GPL";
