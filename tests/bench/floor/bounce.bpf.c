// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: the minimal answer. Every packet is returned with SYN
 * and ACK set: no cookie, no checksum, no table. It is the baseline for
 * programs that answer SYNs, as a bare XDP_DROP is for those that drop: a
 * packet that is sent back costs the veth more than one that is dropped.
 */
#include "vmlinux.h"
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

enum { ETH_IPV4 = 0x0800, ETH_IPV6 = 0x86dd, TH_SYNACK = 0x12 };

#define SWAP(a, b)                       \
	do {                             \
		typeof(a) swapped = (a); \
		(a) = (b);               \
		(b) = swapped;           \
	} while (0)

static __always_inline int bounce_tcp(struct tcphdr *tcp, void *end)
{
	if ((void *)(tcp + 1) > end)
		return XDP_DROP;
	SWAP(tcp->source, tcp->dest);
	((__u8 *)tcp)[13] = TH_SYNACK;
	return XDP_TX;
}

SEC("xdp")
int bounce(struct xdp_md *ctx)
{
	struct ethhdr *eth = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	struct iphdr *v4 = (void *)(eth + 1);
	struct ipv6hdr *v6 = (void *)(eth + 1);
	int i;

	if ((void *)(v4 + 1) > end)
		return XDP_PASS;
	if (eth->h_proto == bpf_htons(ETH_IPV4) &&
	    v4->protocol == IPPROTO_TCP) {
		SWAP(v4->saddr, v4->daddr);
	} else if (eth->h_proto == bpf_htons(ETH_IPV6) &&
		   (void *)(v6 + 1) <= end && v6->nexthdr == IPPROTO_TCP) {
		for (i = 0; i < 4; i++)
			SWAP(v6->saddr.in6_u.u6_addr32[i],
			     v6->daddr.in6_u.u6_addr32[i]);
	} else {
		return XDP_PASS;
	}
	for (i = 0; i < 6; i++)
		SWAP(eth->h_dest[i], eth->h_source[i]);
	return eth->h_proto == bpf_htons(ETH_IPV4)
		       ? bounce_tcp((void *)(v4 + 1), end)
		       : bounce_tcp((void *)(v6 + 1), end);
}

char LICENSE[] SEC("license") = "GPL";
