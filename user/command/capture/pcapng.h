/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: packets as a pcapng file (draft-ietf-opsawg-pcapng),
 * which is the form that has comments; libpcap reads it but cannot write it.
 * One section in the byte order of this host: a header, a description of each
 * interface before its first packet, and the packets, all Ethernet, with
 * timestamps in microseconds. Every block is one write(2), so a reader at the
 * other end of a pipe sees it at once. If one cannot be written whole, a file
 * is cut back to the blocks before it, and stays valid.
 */
#ifndef PCAPNG_H
#define PCAPNG_H

#include <stddef.h>
#include <stdint.h>

enum {
	PCAPNG_DATA_MAX = 4096, /* bytes of a frame */
	PCAPNG_TEXT_MAX = 256, /* of a comment or a name; longer ones are cut */
	PCAPNG_IFACES_MAX = 256,
};

struct pcapng {
	int fd; /* the caller's: a file, a pipe */
	size_t n_ifaces;
	char *iface[PCAPNG_IFACES_MAX];
};

struct pcapng_packet {
	const char *iface;
	uint64_t time_us;	   /* since 1970 */
	const unsigned char *data; /* from the Ethernet header on */
	uint32_t len;		   /* of data; PCAPNG_DATA_MAX at most */
	uint32_t wire_len;	   /* of the frame as it was */
	const char *comment;
};

/*
 * Both return 0 or -errno of write(2): -ENOSPC, -EPIPE, ...; of
 * pcapng_packet() also -E2BIG: more data or interfaces than there is room for.
 */
int pcapng_begin(struct pcapng *p, int fd);
int pcapng_packet(struct pcapng *p, const struct pcapng_packet *packet);

/* Frees what is kept; the descriptor remains open. */
void pcapng_end(struct pcapng *p);

#endif
