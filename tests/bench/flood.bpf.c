// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: the programs of a test bed of two namespaces and a veth
 * pair.
 *
 *   flood    run by flood.c, with BPF_PROG_TEST_RUN and live frames on the
 *            client's veth. Each run writes one fresh packet and sends it with
 *            XDP_TX. It is also attached to lo, see there.
 *   client   on the client's veth: drops the server's answers to spoofed
 *            sources, else the client's stack would be measured.
 *   client_weigh  the same, and it adds up their length.
 *   pass     on the server's veth if no other program is: a veth receives
 *            frames from XDP only if it has a program itself.
 *   drop     likewise; the rate that no protection can exceed.
 *
 * A live frame that is recycled by the receiver keeps the receiver's length,
 * unless the program moves a boundary: so frames start one byte too long and
 * every run trims the tail.
 */
#include "vmlinux.h"
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "flood.h"

enum { ETH_IPV4 = 0x0800, ETH_IPV6 = 0x86dd };
enum { NEXTHDR_FRAGMENT = 44 };
enum { LO = 1 };
enum { OPT_WORDS_MAX = 10, SYN_WORDS = 5, STAMP_WORDS = 3 };

const volatile struct flood_config cfg = {};
__u64 seed = 1;
__u64 sent = 0;
__u64 sent_bytes = 0; /* on the wire, see FRAME_MIN */

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, CLIENT_SEEN_COUNT);
	__type(key, __u32);
	__type(value, __u64);
} client_seen SEC(".maps");

/* splitmix64: 64 bits, without the helper call of bpf_get_prandom_u32() */
static __always_inline __u64 next_random(void)
{
	__u64 z = seed += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static __always_inline __u16 csum_fold(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

static __always_inline __u8 pick_flags(__u64 random)
{
	switch (cfg.kind == FLOOD_MIXED ? random % FLOOD_MIXED : cfg.kind) {
	case FLOOD_SYN:
	case FLOOD_OPTIONS:
	case FLOOD_SYN_BARE:
		return TH_SYN;
	case FLOOD_ACK:
	case FLOOD_ACK_PLAIN:
		return TH_ACK;
	case FLOOD_FLAGS:
		return random >> 8;
	case FLOOD_FRAGMENTS:
		return random & 1 ? TH_SYN : TH_ACK;
	case FLOOD_RST:
		return TH_RST;
	case FLOOD_FIN:
		return TH_FIN;
	case FLOOD_SYNACK:
		return TH_SYN | TH_ACK;
	case FLOOD_XMAS:
		return TH_FIN | TH_PSH | TH_URG;
	default:
		return 0;
	}
}

/* Any address that can be answered: not 0/8, not 127/8, not 224/3. */
static __always_inline __be32 random_ipv4(__u32 random)
{
	__u32 net = random >> 24;

	if (net == 0 || net == 127 || net >= 224)
		random ^= 0x40000000; /* 64, 63, 160 and above */
	return bpf_htonl(random);
}

/* Offset and "more fragments" as in IPv4; 0 for whole packets. */
static __always_inline __u16 pick_fragment(__u64 random)
{
	if (cfg.kind != FLOOD_FRAGMENTS)
		return 0;
	return random & 1 ? 0x2000 : (random >> 8 & 0x2fff) | 1;
}

/* Returns the sum of the pseudo header. */
static __always_inline __u64 write_ipv4(__be32 *w, __u32 tcp_len)
{
	__be32 src = cfg.fixed_src ? cfg.src[3] : random_ipv4(next_random());
	__u64 addrs = (__u64)src + cfg.dst[3];

	w[0] = bpf_htonl(0x45000000 | (20 + tcp_len));
	w[1] = next_random() & 0xffff; /* id */
	w[1] |= cfg.kind == FLOOD_FRAGMENTS
			? bpf_htonl(pick_fragment(next_random()))
			: bpf_htonl(0x4000); /* DF */
	w[2] = bpf_htonl(64 << 24 | IPPROTO_TCP << 16);
	w[3] = src;
	w[4] = cfg.dst[3];
	((__u16 *)w)[5] = csum_fold(addrs + w[0] + w[1] + w[2]);
	return addrs + bpf_htonl(IPPROTO_TCP << 16 | tcp_len);
}

static __always_inline __u64 write_ipv6(__be32 *w, __u32 tcp_len)
{
	__u64 a = next_random(), b = next_random(), sum = 0;
	__u32 i, frag;

	w[0] = bpf_htonl(0x60000000);
	w[1] = bpf_htonl(tcp_len << 16 | IPPROTO_TCP << 8 | 64);
	if (cfg.kind == FLOOD_FRAGMENTS) {
		frag = pick_fragment(next_random());
		w[1] = bpf_htonl((tcp_len + FRAGMENT_HDR_LEN) << 16 |
				 NEXTHDR_FRAGMENT << 8 | 64);
		w[10] = bpf_htonl(IPPROTO_TCP << 24 | (frag & 0x1fff) << 3 |
				  frag >> 13);
		w[11] = b;
	}
	if (cfg.fixed_src) {
		for (i = 0; i < 4; i++)
			w[2 + i] = cfg.src[i];
	} else { /* in 2000::/3 */
		w[2] = bpf_htonl(0x20000000 | (a & 0x1fffffff));
		w[3] = a >> 32;
		w[4] = b;
		w[5] = b >> 32;
	}
	for (i = 0; i < 4; i++) {
		w[6 + i] = cfg.dst[i];
		sum += (__u64)w[2 + i] + w[6 + i];
	}
	return sum + bpf_htonl(IPPROTO_TCP << 16 | tcp_len);
}

/* Words of TCP options. */
static __always_inline __u32 pick_words(__u8 flags)
{
	switch (cfg.kind) {
	case FLOOD_OPTIONS:
		return next_random() % (OPT_WORDS_MAX + 1);
	case FLOOD_ACK_PLAIN:
	case FLOOD_SYN_BARE:
		return 0;
	default:
		return flags & TH_SYN ? SYN_WORDS : STAMP_WORDS;
	}
}

/* A word of options: good, unknown, of an illegal length, or any. */
static __always_inline __be32 random_option(__u64 random)
{
	switch (random >> 32 & 7) {
	case 0:
		return bpf_htonl(0x02040000 | (random & 0xffff)); /* MSS */
	case 1:
		return bpf_htonl(0x01030300 | (random & 0xff));
	case 2:
		return bpf_htonl(0x01010402); /* SACK permitted */
	case 3:
		return bpf_htonl(0x0101080a); /* timestamps, if there is room */
	case 4:
		return bpf_htonl(0xfd040000 | (random & 0xffff));
	case 5:
		return bpf_htonl(0x1e000000 | (random & 0xff0000)); /* MPTCP */
	case 6:
		return bpf_htonl(0x01010100); /* the end of the list */
	default:
		return random;
	}
}

/* Returns the sum of what was written, or 0 if it is cut off. */
static __always_inline __u64 write_options(__be32 *w, void *end, __u32 words)
{
	__u64 sum = 0;
	__u32 i;

	for (i = 0; i < OPT_WORDS_MAX; i++) {
		if (i >= words || (void *)(w + i + 1) > end)
			break;
		w[i] = random_option(next_random());
		sum += w[i];
	}
	return sum;
}

/* A Linux header: a SYN with all options, anything else with timestamps. */
static __always_inline bool write_tcp(__be32 *w, void *end, __u8 flags,
				      __u32 words, __u64 sum)
{
	__u64 a = next_random(), b = next_random();
	__u32 port = a >> 32 & 0xffff, i;

	if (port < 1024)
		port += 32768;
	if ((void *)(w + 5) > end)
		return false;
	w[0] = bpf_htonl(port << 16 | cfg.dst_port);
	w[1] = a;
	w[2] = flags & TH_ACK ? b : 0;
	w[3] = bpf_htonl((20 + 4 * words) << 26 | flags << 16 | 64240);
	w[4] = 0;
	for (i = 0; i < 4; i++)
		sum += w[i];
	if (cfg.kind == FLOOD_OPTIONS) {
		sum += write_options(w + 5, end, words);
	} else if (words == SYN_WORDS) {
		if ((void *)(w + 10) > end)
			return false;
		w[5] = bpf_htonl(0x02040000 | (cfg.v6 ? 1440 : 1460));
		w[6] = bpf_htonl(0x0402080a); /* SACK permitted, timestamps */
		w[7] = b >> 32;
		w[8] = flags & TH_ACK ? a : 0;
		w[9] = bpf_htonl(0x01030307); /* NOP, window scale 7 */
		for (i = 5; i < 10; i++)
			sum += w[i];
	} else if (words == STAMP_WORDS) {
		if ((void *)(w + 8) > end)
			return false;
		w[5] = bpf_htonl(0x0101080a); /* NOP, NOP, timestamps */
		w[6] = b >> 32;
		w[7] = a;
		for (i = 5; i < 8; i++)
			sum += w[i];
	}
	((__u16 *)w)[8] = csum_fold(sum);
	return true;
}

SEC("xdp")
int flood(struct xdp_md *ctx)
{
	__u8 flags = pick_flags(next_random());
	__u32 words = pick_words(flags), tcp_len = 20 + 4 * words;
	__u32 l3_len = cfg.v6 ? 40 : 20, i;
	__u32 l4 = 14 + l3_len, len;
	struct ethhdr *eth;
	void *end;
	__u64 sum;

	if (ctx->ingress_ifindex == LO)
		return XDP_PASS;
	if (cfg.v6 && cfg.kind == FLOOD_FRAGMENTS)
		l4 += FRAGMENT_HDR_LEN;
	len = l4 + tcp_len < FRAME_MIN ? FRAME_MIN : l4 + tcp_len;
	if (bpf_xdp_adjust_tail(ctx, (int)len - (int)(14 + l3_len + cfg.room)))
		return XDP_DROP;
	eth = (void *)(long)ctx->data;
	end = (void *)(long)ctx->data_end;
	if ((void *)eth + l4 > end)
		return XDP_DROP;
	for (i = 0; i < 6; i++) {
		eth->h_dest[i] = cfg.dst_mac[i];
		eth->h_source[i] = cfg.src_mac[i];
	}
	eth->h_proto = bpf_htons(cfg.v6 ? ETH_IPV6 : ETH_IPV4);
	sum = cfg.v6 ? write_ipv6((void *)(eth + 1), tcp_len)
		     : write_ipv4((void *)(eth + 1), tcp_len);
	if (!write_tcp((void *)eth + l4, end, flags, words, sum))
		return XDP_DROP;
	sent++;
	sent_bytes += len;
	return XDP_TX;
}

static __always_inline void client_add(enum client_seen_key key, __u64 more)
{
	__u32 k = key;
	__u64 *n = bpf_map_lookup_elem(&client_seen, &k);

	if (n)
		*n += more;
}

static __always_inline int client_count(enum client_seen_key key, int action)
{
	client_add(key, 1);
	return action;
}

static __always_inline void client_weighs(__u64 len)
{
	client_add(SPOOFED_BYTES, len < FRAME_MIN ? FRAME_MIN : len);
}

static __always_inline int client_tcp(const struct tcphdr *tcp, void *end,
				      bool own, __u64 weight)
{
	if ((void *)(tcp + 1) > end)
		return XDP_PASS;
	if (weight && !own)
		client_weighs(weight);
	if (tcp->syn && tcp->ack)
		return own ? client_count(CLIENT_SYNACK, XDP_PASS)
			   : client_count(SPOOFED_SYNACK, XDP_DROP);
	if (own)
		return XDP_PASS;
	return client_count(tcp->rst ? SPOOFED_RST : SPOOFED_OTHER, XDP_DROP);
}

/* The client's own addresses are the documentation's (RFC 5737, RFC 3849). */
static __always_inline int client_frame(struct xdp_md *ctx, bool weigh)
{
	struct ethhdr *eth = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	struct iphdr *v4 = (void *)(eth + 1);
	struct ipv6hdr *v6 = (void *)(eth + 1);
	__u64 weight = weigh ? end - (void *)eth : 0;

	if ((void *)(eth + 1) > end)
		return XDP_PASS;
	if (eth->h_proto == bpf_htons(ETH_IPV4)) {
		if ((void *)(v4 + 1) > end || v4->protocol != IPPROTO_TCP ||
		    v4->ihl != 5)
			return XDP_PASS;
		return client_tcp((void *)(v4 + 1), end,
				  (v4->daddr & bpf_htonl(0xffffff00)) ==
					  bpf_htonl(0xc0000200),
				  weight);
	}
	if (eth->h_proto == bpf_htons(ETH_IPV6)) {
		if ((void *)(v6 + 1) > end || v6->nexthdr != IPPROTO_TCP)
			return XDP_PASS;
		return client_tcp((void *)(v6 + 1), end,
				  v6->daddr.in6_u.u6_addr32[0] ==
					  bpf_htonl(0x20010db8),
				  weight);
	}
	return XDP_PASS;
}

SEC("xdp")
int client(struct xdp_md *ctx)
{
	return client_frame(ctx, false);
}

SEC("xdp")
int client_weigh(struct xdp_md *ctx)
{
	return client_frame(ctx, true);
}

SEC("xdp")
int pass(struct xdp_md *ctx)
{
	(void)ctx;
	return XDP_PASS;
}

SEC("xdp")
int drop(struct xdp_md *ctx)
{
	(void)ctx;
	return XDP_DROP;
}

char LICENSE[] SEC("license") = "GPL";
