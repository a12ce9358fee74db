/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: builds frames from descriptions. A struct spec describes
 * how a packet differs from an ordinary one, packet_build() writes the bytes,
 * and packet_diff() reports differences field by field. No code of the programs
 * under test is used: checksums are computed here byte by byte.
 */
#ifndef TESTS_BPF_PACKET_H
#define TESTS_BPF_PACKET_H

#include <stdbool.h>
#include <stdint.h>

enum {
	FIN = 0x01,
	SYN = 0x02,
	RST = 0x04,
	PSH = 0x08,
	ACK = 0x10,
	URG = 0x20,
	ECE = 0x40,
	CWR = 0x80,

	FRAME_MAX = 12288,
	ETH_MIN = 60, /* without the FCS */
};

#define CLIENT4	   "198.51.100.7"
#define SERVER4	   "192.0.2.1"
#define CLIENT6	   "2001:db8:c::7"
#define SERVER6	   "2001:db8::1"
#define CLIENT_ISN 0x12345678u

extern const uint8_t server_mac[6], client_mac[6], foreign_mac[6];

/* A member that is zero means the value of a plain packet of the client. */
struct spec {
	const uint8_t *to_mac, *from_mac;
	const char *vlan; /* a tag each: 'q' 802.1Q, 'a' 802.1ad, '0' VLAN 0 */
	bool v6;	  /* which default addresses */
	const char *src, *dst;
	uint8_t tos, ttl;
	uint32_t label;	 /* IPv6 */
	uint8_t ip_opts; /* bytes of IPv4 options: NOPs */
	bool no_df;	 /* IPv4 */
	uint16_t ip_id;
	uint16_t frag;	 /* IPv4 fragment word, without DF */
	const char *ext; /* IPv6 extension headers, see packet.c */
	uint16_t sport, dport;
	uint32_t seq, ack; /* seq 0: CLIENT_ISN, if flags has SYN */
	uint8_t flags;
	bool ae; /* the AccECN bit beside the data offset */
	uint16_t window;
	const char *opts;   /* see opttext.h; padded with EOL to a word */
	const uint8_t *raw; /* instead of @opts */
	uint8_t raw_len;
	uint16_t data;
	bool pad;	 /* to ETH_MIN */
	uint8_t trailer; /* bytes beyond the IP packet, of 0xee */
};

struct frame {
	uint8_t data[FRAME_MAX];
	uint32_t len;
	uint16_t l3, l4;
	uint16_t end; /* of the IP packet */
};

void packet_build(const struct spec *s, struct frame *ret);

const char *spec_src(const struct spec *s);
const char *spec_dst(const struct spec *s);

/* Recomputes the checksums after a test has changed bytes. */
void packet_checksum(struct frame *f, bool v6);

/*
 * Is this a frame with TCP right after an IP header without options, with valid
 * lengths and checksums?
 */
bool packet_valid(const uint8_t *data, uint32_t len);

/*
 * Compares @got with @want, in the layout of @want. Prints a line for each
 * field that differs, prefixed with @what. Returns the number of such fields.
 */
unsigned packet_diff(const char *what, const struct frame *want,
		     const uint8_t *got, uint32_t got_len);

void packet_dump(const char *what, const uint8_t *data, uint32_t len);

#endif
