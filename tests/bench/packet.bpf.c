// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: BPF_PROG_TEST_RUN repeats a program without restoring
 * its packet, so a program that answers would see its own answer. Therefore
 * `wrap` is run: it rebuilds the frame, undoes what the last repetition did to
 * the session table, and calls the program under test. Calling a bare verdict
 * instead measures the wrapper's own cost, which is subtracted.
 *
 * Also here is what the product is compared with: the kernel's cookie helpers,
 * a lookup in a BPF hash map or of a socket, a SipHash alone, an answer alone.
 * None of them is attached.
 */
#include "synkeeper/cookie.h"
#include "wire/write.bpf.h"
#include "wrap.h"

enum { KEYS_OFFSET4 = 14 + 12, TCP4 = 14 + 20, TCP6 = 14 + 40 };

struct wrap_config cfg = {};
struct wrap_frame frames[2] = {};
__u64 seed = 1;
__u64 failures = 0; /* of the programs compared with */
__u64 entered = 0;  /* into hash */
__u64 sink = 0;

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, WRAP_PROGRAMS);
	__type(key, __u32);
	__type(value, __u32);
} programs SEC(".maps");

/* Placeholders for the product's own maps, which packet.c substitutes. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct session_set);
} session_tags SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, __u64);
} session_summary SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct session);
} sessions SEC(".maps");

struct hash_key {
	__be32 client, server;
	__be16 client_port, server_port;
	__u32 pad;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct hash_key);
	__type(value, __u64);
} hash SEC(".maps");

/* xorshift64 (Marsaglia 2003) */
static __always_inline __u64 next_random(void)
{
	__u64 x = seed;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	seed = x;
	return x;
}

static __always_inline void restore_session(void)
{
	__u32 slot = cfg.slot, set = slot / SET_WAYS, at = cfg.summary_at;
	__u32 line = cfg.line;
	struct session_set *tags = bpf_map_lookup_elem(&session_tags, &set);
	struct session *s = bpf_map_lookup_elem(&sessions, &line);
	__u64 *summary = bpf_map_lookup_elem(&session_summary, &at);

	if (!tags || !s || !summary)
		return;
	*summary = cfg.summary;
	tags->tags[slot / 4 % SET_WORDS] = cfg.tags;
	s->live.word = cfg.live;
}

/*
 * Words as wide as may be, and none that a header's word straddles: the
 * program would wait for two stores to be in the cache, which a packet from a
 * NIC is already.
 */
static __always_inline void restore_frame(const struct wrap_frame *frame,
					  void *data, void *end)
{
	__u64 *to = data + 6;
	const __u64 *from = (const void *)frame + 8;
	int i;

	*(__u32 *)data = *(const __u32 *)frame->bytes;
	*(__u16 *)(data + 4) = *(const __u16 *)(frame->bytes + 4);
	for (i = 0; i < (WRAP_FRAME - 6) / 8; i++) {
		if ((void *)(to + i + 1) > end)
			break;
		to[i] = from[i];
	}
	if ((void *)((__u32 *)(to + i) + 1) <= end)
		*(__u32 *)(to + i) = *(const __u32 *)(from + i);
}

static __always_inline void vary(void *data, void *end, __u32 how)
{
	__u32 addr_at = cfg.addr_at & 63, port_at = cfg.port_at & 63, addr;
	__u64 random = next_random();
	__u16 port;

	if (how == VARY_TUPLE) {
		addr = 0x80000000 | (random & 0x3fffffff); /* 128/2 */
		port = random >> 32;
	} else {
		__u32 index = (random >> 32) * cfg.sessions >> 32;

		addr = wrap_addr(index);
		port = wrap_port(index);
	}
	if (data + addr_at + 4 <= end)
		*(__be32 *)(data + addr_at) = bpf_htonl(addr);
	if (data + port_at + 2 <= end)
		*(__be16 *)(data + port_at) = bpf_htons(port);
}

SEC("xdp.frags")
int wrap(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data,
	     *end = (void *)(long)ctx->data_end;
	long len = end - data, want = cfg.len;
	__u32 how = cfg.vary, other = 0;

	if (cfg.mix && (next_random() & (WRAP_MIX_OF - 1)) < cfg.mix) {
		want = cfg.mix_len;
		how = VARY_TUPLE;
		other = 1;
	}
	if (cfg.meta)
		bpf_xdp_adjust_meta(ctx, cfg.meta);
	/* always, so that the floor includes it as well */
	if (bpf_xdp_adjust_tail(ctx, want - len))
		return XDP_ABORTED;
	data = (void *)(long)ctx->data;
	end = (void *)(long)ctx->data_end;
	if (data + 6 > end)
		return XDP_ABORTED;
	restore_frame(&frames[other], data, end);
	if (how)
		vary(data, end, how);
	if (cfg.restore)
		restore_session();
	/* the slot as a constant: the JIT makes that a direct jump */
	if (cfg.program == WRAP_UNDER_TEST)
		bpf_tail_call_static(ctx, &programs, WRAP_UNDER_TEST);
	else if (cfg.program == WRAP_FLOOR)
		bpf_tail_call_static(ctx, &programs, WRAP_FLOOR);
	else
		bpf_tail_call_static(ctx, &programs, WRAP_BASELINE);
	return XDP_ABORTED;
}

#define BARE(name, verdict)          \
	SEC("xdp.frags")             \
	int name(struct xdp_md *ctx) \
	{                            \
		(void)ctx;           \
		return verdict;      \
	}
BARE(bare_tx, XDP_TX)
BARE(bare_drop, XDP_DROP)
BARE(bare_pass, XDP_PASS)
#undef BARE

static __always_inline int failed(void)
{
	failures++;
	return XDP_ABORTED;
}

static __always_inline bool hash_key_of(struct xdp_md *ctx,
					struct hash_key *ret)
{
	__be32 *w = (void *)(long)ctx->data + KEYS_OFFSET4;

	if ((void *)(w + 3) > (void *)(long)ctx->data_end)
		return false;
	ret->client = w[0];
	ret->server = w[1];
	ret->client_port = w[2];
	ret->server_port = w[2] >> 16;
	ret->pad = 0;
	return true;
}

/* Run once for each session: enters the next one. */
SEC("xdp.frags")
int hash_fill(struct xdp_md *ctx)
{
	struct hash_key key;
	__u64 value;

	if (!hash_key_of(ctx, &key))
		return failed();
	key.client = bpf_htonl(wrap_addr(entered));
	key.client_port = bpf_htons(wrap_port(entered));
	value = entered++;
	return bpf_map_update_elem(&hash, &key, &value, 0) ? failed()
							   : XDP_PASS;
}

SEC("xdp.frags")
int hash_lookup(struct xdp_md *ctx)
{
	struct hash_key key;
	__u64 *value;

	if (!hash_key_of(ctx, &key))
		return failed();
	value = bpf_map_lookup_elem(&hash, &key);
	if (!value)
		return failed();
	sink = *value;
	return XDP_PASS;
}

/* The addresses and ports of an IPv4 packet. */
static __always_inline bool tuple_of(struct xdp_md *ctx, struct tuple *ret)
{
	__be32 *w = (void *)(long)ctx->data + KEYS_OFFSET4;

	if ((void *)(w + 3) > (void *)(long)ctx->data_end)
		return false;
	ret->client[2] = ret->server[2] = bpf_htonl(0xffff);
	ret->client[3] = w[0];
	ret->server[3] = w[1];
	ret->client_port = w[2];
	ret->server_port = w[2] >> 16;
	return true;
}

static __always_inline __u64 mac_of(const struct tuple *t, __u32 isn)
{
	struct siphash_key key = { .k0 = seed, .k1 = cfg.len };

	return cookie_mac(&key, t, isn, 0, 0);
}

/* The hash of a cookie, over the same words. */
SEC("xdp.frags")
int siphash(struct xdp_md *ctx)
{
	struct tuple t = {};

	if (!tuple_of(ctx, &t))
		return failed();
	sink = mac_of(&t, 1);
	return XDP_TX;
}

/*
 * The least that answers one kind of SYN with a cookie: no parsing, no service,
 * no table, no option looked at, nothing counted.
 */
SEC("xdp.frags")
int only_answer(struct xdp_md *ctx)
{
	struct answer a = { .flags = FLAG_SYN | FLAG_ACK,
			    .window = 0xffff,
			    .hop_limit = 64,
			    .words = OPT_WORDS };
	__be32 *tcp = (void *)(long)ctx->data + TCP4;
	struct packet p = { .v4 = 1, .l3 = 14, .l4 = TCP4 };
	__u64 mac;

	if (!tuple_of(ctx, &p.tuple) ||
	    (void *)(tcp + 8) > (void *)(long)ctx->data_end)
		return failed();
	mac = mac_of(&p.tuple, tcp[1]);
	a.seq = (__u32)mac;
	a.ack = bpf_ntohl(tcp[1]) + 1;
	a.opt[0] = bpf_htonl(0x020405b4);
	a.opt[1] = bpf_htonl(0x0402080a);
	a.opt[2] = mac >> 32;
	a.opt[3] = tcp[7]; /* the client's timestamp */
	a.opt[4] = bpf_htonl(0x0103030a);
	return answer_write(ctx, &p, &a, NULL) ? failed() : XDP_TX;
}

/* The kernel's cookie helpers need the headers in memory of known size. */
struct headers4 {
	struct iphdr ip;
	__u8 tcp[40];
};

struct headers6 {
	struct ipv6hdr ip;
	__u8 tcp[40];
};

SEC("xdp.frags")
int kernel_raw4(struct xdp_md *ctx)
{
	struct headers4 h;
	__s64 cookie;

	if (bpf_xdp_load_bytes(ctx, 14, &h, sizeof(h)))
		return failed();
	cookie = bpf_tcp_raw_gen_syncookie_ipv4(&h.ip, (void *)h.tcp,
						sizeof(h.tcp));
	if (cookie < 0)
		return failed();
	sink = cookie;
	return XDP_TX;
}

SEC("xdp.frags")
int kernel_raw6(struct xdp_md *ctx)
{
	struct headers6 h;
	__s64 cookie;

	if (bpf_xdp_load_bytes(ctx, 14, &h, sizeof(h)))
		return failed();
	cookie = bpf_tcp_raw_gen_syncookie_ipv6(&h.ip, (void *)h.tcp,
						sizeof(h.tcp));
	if (cookie < 0)
		return failed();
	sink = cookie;
	return XDP_TX;
}

/* Of the connection whose packet it is; to be released. */
static __always_inline struct bpf_sock *find_socket(struct xdp_md *ctx)
{
	struct bpf_sock_tuple tuple = {};
	struct tuple t = {};

	if (!tuple_of(ctx, &t))
		return NULL;
	tuple.ipv4.saddr = t.client[3];
	tuple.ipv4.daddr = t.server[3];
	tuple.ipv4.sport = t.client_port;
	tuple.ipv4.dport = t.server_port;
	return bpf_skc_lookup_tcp(ctx, &tuple, sizeof(tuple.ipv4),
				  BPF_F_CURRENT_NETNS, 0);
}

SEC("xdp.frags")
int kernel_lookup4(struct xdp_md *ctx)
{
	struct bpf_sock *sk = find_socket(ctx);

	if (!sk)
		return failed();
	sink = sk->state;
	bpf_sk_release(sk);
	return XDP_TX;
}

SEC("xdp.frags")
int kernel_gen4(struct xdp_md *ctx)
{
	struct bpf_sock *sk;
	struct headers4 h;
	__s64 cookie;

	if (bpf_xdp_load_bytes(ctx, 14, &h, sizeof(h)))
		return failed();
	sk = find_socket(ctx);
	if (!sk)
		return failed();
	cookie = bpf_tcp_gen_syncookie(sk, &h.ip, sizeof(h.ip), (void *)h.tcp,
				       sizeof(h.tcp));
	bpf_sk_release(sk);
	if (cookie < 0)
		return failed();
	sink = cookie;
	return XDP_TX;
}

char LICENSE[] SEC("license") = "GPL";
