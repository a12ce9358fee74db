/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: what the wire says. parse fills in struct packet, the
 * other steps only read it; what they find out goes into struct flow. Packet
 * pointers are not stored: every adjustment of the packet invalidates them, so
 * span_of() derives them anew.
 */
#ifndef SYNKEEPER_PACKET_BPF_H
#define SYNKEEPER_PACKET_BPF_H

#include "synkeeper/abi.h"

enum {
	FLAG_FIN = 0x01,
	FLAG_SYN = 0x02,
	FLAG_RST = 0x04,
	FLAG_PSH = 0x08,
	FLAG_ACK = 0x10,
	FLAG_URG = 0x20,
	FLAG_ECE = 0x40,
	FLAG_CWR = 0x80,

	ETHERTYPE_IPV4 = 0x0800,
	ETHERTYPE_IPV6 = 0x86dd,
	ETHERTYPE_VLAN = 0x8100,
	ETHERTYPE_QINQ = 0x88a8,

	IPV4_MF = 0x2000,
	IPV4_OFFSET = 0x1fff,

	EXT_HOP_BY_HOP = 0,
	EXT_ROUTING = 43,
	EXT_FRAGMENT = 44,
	EXT_DESTINATION = 60,

	TCP_HDR_LEN = 20,
	ECN_MASK = 3, /* of TOS and traffic class (RFC 3168) */
};

/* Start and end of the packet's linear part. */
struct span {
	void *data;
	void *end;
};

/* A packet from the client, or one to the client after turn_around(). */
struct packet {
	struct tuple tuple;
	__u32 seq; /* host byte order, as all below */
	__u32 ack;
	__u16 l3;     /* offset of the IP header */
	__u16 l4;     /* offset of the TCP header */
	__u16 l4_len; /* TCP header and data, according to the IP header */
	__u8 v4;
	__u8 fragment; /* a first fragment, more follow */
	__u8 flags;
	__u8 tcp_len; /* TCP header including options */
	__u8 dst_mac[6];
};

/* Makes the tuple that of the opposite direction, client to server. */
static __always_inline void turn_around(struct packet *p)
{
	struct tuple *t = &p->tuple;
	__be16 port = t->client_port;
	int i;

	for (i = 0; i < 4; i++) {
		__be32 word = t->client[i];

		t->client[i] = t->server[i];
		t->server[i] = word;
	}
	t->client_port = t->server_port;
	t->server_port = port;
}

static __always_inline struct span span_of(struct xdp_md *ctx)
{
	return (struct span){ (void *)(long)ctx->data,
			      (void *)(long)ctx->data_end };
}

static __always_inline struct span span_of_skb(struct __sk_buff *skb)
{
	return (struct span){ (void *)(long)skb->data,
			      (void *)(long)skb->data_end };
}

/*
 * The TCP options of @p. parse never leaves an offset above 0x7fff; the mask
 * is for the verifier, which rejects packet offsets with 16 unknown bits.
 */
static __always_inline __be32 *span_options(struct span s,
					    const struct packet *p)
{
	__u32 off = p->l4;

	barrier_var(off);
	off &= 0x7fff;
	return s.data + off + TCP_HDR_LEN;
}

#endif
