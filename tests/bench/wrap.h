/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the configuration that packet.c passes to the wrapper of
 * packet.bpf.c, and the sessions that both know by number: an entry's key is
 * derived from its index, so the wrapper can use any of them without a lookup
 * of its own.
 */
#ifndef WRAP_H
#define WRAP_H

enum {
	WRAP_FRAME = 150, /* with its pad a multiple of 8 */

	/* Slots of the wrapper's program array. */
	WRAP_UNDER_TEST = 0,
	WRAP_FLOOR = 1,	   /* the same verdict, bare */
	WRAP_BASELINE = 2, /* what else to compare with */
	WRAP_PROGRAMS = 3,

	WRAP_CLIENT_NET = 0x0a000000, /* 10/8 */
	WRAP_CLIENT_PORT = 32768,
	WRAP_PORT_BITS = 6, /* sessions from one address */
};

enum wrap_vary {
	VARY_NOTHING,
	VARY_TUPLE,   /* the client's address and port: one of 2^46 */
	VARY_SESSION, /* one of wrap_config.sessions, in random order */
};

/* Of so many packets wrap_config.mix are the other frame's. */
enum { WRAP_MIX_OF = 1024 };

/* The two leading bytes align what follows the MACs to a multiple of 8. */
struct wrap_frame {
	__u8 pad[2];
	__u8 bytes[WRAP_FRAME];
} __attribute__((aligned(8)));

struct wrap_config {
	__u32 program; /* its slot */
	__u32 len;     /* of the frame: even, and no multiple of 4 */
	__u32 vary;    /* enum wrap_vary */
	__u32 addr_at; /* the last word of the client's address */
	__u32 port_at;
	__u32 sessions;
	__u32 meta; /* bytes of metadata to take back; 0: there are none */
	/* Restore an entry, the tags of its set, and what summarizes them. */
	__u32 restore;
	__u32 slot;
	__u32 line; /* of slot */
	/*
	 * A second frame, of random tuples, is sent in between; 0: none. Its
	 * headers are as long as the first one's.
	 */
	__u32 mix;
	__u32 mix_len;
	__u32 summary_at;
	__u32 pad;
	__u64 summary;
	__u64 live;
	__u64 tags; /* the word of them that slot is in */
};

/* The address and port of client number @index, host byte order. */
static inline __attribute__((always_inline)) __u32 wrap_addr(__u32 index)
{
	return WRAP_CLIENT_NET + (index >> WRAP_PORT_BITS);
}

static inline __attribute__((always_inline)) __u16 wrap_port(__u32 index)
{
	return WRAP_CLIENT_PORT + (index & ((1 << WRAP_PORT_BITS) - 1));
}

#endif
