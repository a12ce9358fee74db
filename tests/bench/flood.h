/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the configuration that flood.c passes to its BPF
 * program, and the counters of the program on the client's veth.
 */
#ifndef FLOOD_H
#define FLOOD_H

/*
 * In the order of the table of names in flood.c. Mixed is all kinds before it;
 * those after it have shapes that the others do not:
 *
 *   options	SYNs with 0 to 40 bytes of options: valid, unusual, malformed
 *   flags	every combination of the eight flags
 *   fragments	first ones of SYNs and ACKs, and later ones
 *   ack-plain	ACKs without timestamps
 *   syn-bare	SYNs without options, padded to the least frame
 */
enum flood_kind {
	FLOOD_SYN,
	FLOOD_ACK,
	FLOOD_RST,
	FLOOD_FIN,
	FLOOD_SYNACK,
	FLOOD_XMAS,
	FLOOD_NONE,
	FLOOD_MIXED,
	FLOOD_OPTIONS,
	FLOOD_FLAGS,
	FLOOD_FRAGMENTS,
	FLOOD_ACK_PLAIN,
	FLOOD_SYN_BARE,
	FLOOD_KINDS,
};

/* The longest TCP header, and one byte to cut; see flood.bpf.c. */
enum { FLOOD_TCP_ROOM = 40 + 1, FLOOD_OPTIONS_ROOM = 60 + 1 };

enum { FRAGMENT_HDR_LEN = 8 }; /* IPv6 */

/* The minimum frame on the wire, without the FCS. */
enum { FRAME_MIN = 60 };

#define TH_FIN 0x01
#define TH_SYN 0x02
#define TH_RST 0x04
#define TH_PSH 0x08
#define TH_ACK 0x10
#define TH_URG 0x20

struct flood_config {
	__u8 kind; /* enum flood_kind */
	__u8 v6;
	__u8 fixed_src;
	__u8 dst_mac[6];
	__u8 src_mac[6];
	__u8 room;     /* of TCP: what frames start with */
	__be32 dst[4]; /* IPv4 in [3] */
	__be32 src[4];
	__u16 dst_port; /* host byte order */
	__u16 pad2;
};

enum client_seen_key {
	CLIENT_SYNACK,	/* to the client itself */
	SPOOFED_SYNACK, /* to spoofed sources; dropped here */
	SPOOFED_RST,
	SPOOFED_OTHER,
	SPOOFED_BYTES, /* on the wire; by `client_weigh` only */
	CLIENT_SEEN_COUNT,
};

#endif
