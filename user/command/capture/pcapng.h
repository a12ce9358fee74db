/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: writes packets as pcapng (draft-ietf-opsawg-pcapng), the
 * format that supports comments; libpcap reads it but cannot write it. There is
 * one section in the byte order of this host: a header, a description of each
 * interface before its first packet, and the packets, all Ethernet, with
 * timestamps in microseconds. Every block is one write(2), so a reader at the
 * other end of a pipe sees it at once. If a block cannot be written completely,
 * the file is truncated to the blocks before it and stays valid.
 */
#ifndef PCAPNG_H
#define PCAPNG_H

#include <stddef.h>
#include <stdint.h>

enum {
	PCAPNG_DATA_MAX = 4096, /* bytes of a frame */
	PCAPNG_TEXT_MAX = 256,	/* comment or name; longer ones are truncated */
	PCAPNG_IFACES_MAX = 256,
};

struct pcapng {
	int fd; /* file or pipe, owned by the caller */
	size_t n_ifaces;
	char *iface[PCAPNG_IFACES_MAX];
};

struct pcapng_packet {
	const char *iface;
	uint64_t time_us;	   /* since 1970 */
	const unsigned char *data; /* from the Ethernet header on */
	uint32_t len;		   /* of data; PCAPNG_DATA_MAX at most */
	uint32_t wire_len;	   /* of the original frame */
	const char *comment;
};

/*
 * Both return 0 or -errno of write(2): -ENOSPC, -EPIPE, ...; pcapng_packet()
 * also -E2BIG: too much data or too many interfaces.
 */
int pcapng_begin(struct pcapng *p, int fd);
int pcapng_packet(struct pcapng *p, const struct pcapng_packet *packet);

/* Frees the memory; the descriptor stays open. */
void pcapng_end(struct pcapng *p);

#endif
