/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: are the checksums of a segment at tc ingress correct?
 * The kernel drops bad ones after tc, silently, so they have to be verified
 * before a segment counts as accepted. Whether the hardware has done that, or a
 * sender on this host left the checksum out, is known only to the sk_buff, not
 * to XDP. Otherwise it is computed here: once per connection, usually over a
 * bare ACK.
 */
#ifndef SYNKEEPER_CHECKSUM_BPF_H
#define SYNKEEPER_CHECKSUM_BPF_H

#include "packet.bpf.h"

/* As in include/linux/skbuff.h. */
enum { CHECKSUM_UNNECESSARY = 1, CHECKSUM_PARTIAL = 3 };

/* The only member needed; CO-RE relocates it. */
struct sk_buff___sum {
	__u8 ip_summed : 2;
};

extern void *bpf_cast_to_kern_ctx(void *obj) __ksym __weak;

enum { SUM_CHUNK = 64 };

struct sum {
	struct __sk_buff *skb;
	__u32 off; /* of what is not summed yet */
	__u32 end;
	__u32 sum; /* not folded */
};

static long sum_chunk(__u32 i, void *data)
{
	__u32 buf[SUM_CHUNK / 4] = {}, len;
	struct sum *s = data;
	__s64 sum;

	(void)i;
	len = s->end - s->off;
	if (s->off >= s->end)
		return 1;
	if (len > SUM_CHUNK)
		len = SUM_CHUNK;
	barrier_var(len);
	/* len itself, in bounds that the verifier of Linux 6.1 sees */
	len = ((len - 1) & (SUM_CHUNK - 1)) + 1;
	if (bpf_skb_load_bytes(s->skb, s->off, buf, len)) {
		s->off = 0; /* shorter than the IP header says */
		return 1;
	}
	sum = bpf_csum_diff(NULL, 0, buf, sizeof(buf), s->sum);
	s->sum = sum;
	s->off += len;
	return 0;
}

static __always_inline __u32 sum_fold(__u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return (sum & 0xffff) + (sum >> 16);
}

static __always_inline bool checksum_was_verified(struct __sk_buff *skb)
{
	const struct sk_buff___sum *kernel = bpf_cast_to_kern_ctx(skb);
	__u8 summed = BPF_CORE_READ_BITFIELD(kernel, ip_summed);

	return summed == CHECKSUM_UNNECESSARY || summed == CHECKSUM_PARTIAL;
}

/* A global function, to keep its stack apart from the caller's. */
__noinline int checksum_add(struct __sk_buff *skb, const struct packet *p)
{
	struct sum s = { .skb = skb };
	__be32 rest;

	if (!p)
		return 0;
	/* the v4-mapped prefixes, ffff, are zero in one's complement */
	rest = bpf_htonl(IPPROTO_TCP << 16 | p->l4_len);
	s.sum = bpf_csum_diff(NULL, 0, (__be32 *)&p->tuple.client, 16, 0);
	s.sum = bpf_csum_diff(NULL, 0, (__be32 *)&p->tuple.server, 16, s.sum);
	s.sum = bpf_csum_diff(NULL, 0, &rest, sizeof(rest), s.sum);
	s.off = p->l4;
	s.end = p->l4 + p->l4_len;
	bpf_loop(65536 / SUM_CHUNK, sum_chunk, &s, 0);
	return s.off == s.end && sum_fold(s.sum) == 0xffff;
}

/* No options or extension headers: nothing else for the kernel to reject. */
static __always_inline bool ip_header_is_plain(const struct packet *p)
{
	return p->l4 - p->l3 ==
	       (p->v4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr));
}

/* IPv6 has none. Always computed: it is usually 20 bytes. */
static __always_inline bool ip_checksum_is_right(struct __sk_buff *skb,
						 const struct packet *p)
{
	__u32 words[15] = {}, len = p->l4 - p->l3;

	if (!p->v4)
		return true;
	barrier_var(len);
	if (len < sizeof(struct iphdr) || len > sizeof(words) ||
	    bpf_skb_load_bytes(skb, p->l3, words, len))
		return false;
	return sum_fold(bpf_csum_diff(NULL, 0, words, sizeof(words), 0)) ==
	       0xffff;
}

static __always_inline bool checksum_is_right(struct __sk_buff *skb,
					      const struct packet *p)
{
	return ip_checksum_is_right(skb, p) &&
	       (checksum_was_verified(skb) || checksum_add(skb, p));
}

#endif
