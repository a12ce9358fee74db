/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: a row of the per-packet benchmark: a packet, the state
 * of the tables, and the reason that the program must count for it. Rows that
 * share a state form a scene. packet_rows.c lists them, packet.c measures them.
 */
#ifndef TESTS_BENCH_ROWS_H
#define TESTS_BENCH_ROWS_H

#include "../bpf/harness.h"
#include "../bpf/netns.h"
#include "tables.h"
#include "wrap.h"

/* Programs of packet.bpf.c that replace the product's. */
enum under_test {
	TEST_SYNKEEPER,
	TEST_SIPHASH,
	TEST_ONLY_ANSWER,
	TEST_KERNEL_RAW4,
	TEST_KERNEL_RAW6,
	TEST_KERNEL_GEN4,
	TEST_KERNEL_LOOKUP4,
};

/* The packet to derive from row.spec, which then describes the SYN. */
enum row_packet {
	PACKET_AS_IS,
	PACKET_UDP,
	PACKET_TINY_FRAGMENT, /* a first fragment with the ports, no flags */
	PACKET_COOKIE,	      /* the ACK with its cookie */
	PACKET_BAD_COOKIE,    /* one bit of it wrong */
	PACKET_OLD_COOKIE,    /* it came two epochs ago */
	PACKET_KERNEL_COOKIE, /* the ACK with the listener's cookie */
	PACKET_OF_SOCKET,     /* of CONNECTED, as the kernel expects it */
};

/* How each repetition finds the packet's own session. */
enum row_session {
	OWN_WHATEVER, /* as the last one left it */
	OWN_UNKNOWN,
	OWN_LIVE,     /* established */
	OWN_SET_FULL, /* unknown, and its set full */
};

enum { CONNECTED_PORT = 42000 };
#define CONNECTED .src = NEAR4, .sport = CONNECTED_PORT

struct row {
	const char *name;
	struct spec spec;
	enum row_packet packet;
	enum row_session own;
	enum wrap_vary vary;
	enum under_test program;
	enum reason reason; /* of TEST_SYNKEEPER */
	__u16 service;	    /* that counts it */
	/*
	 * Rate-limited work is done for all packets of this row; otherwise for
	 * hardly any.
	 */
	bool few;
	bool monitored; /* of a monitored service: it passes anyway */
	__u32 mix;	/* of WRAP_MIX_OF packets: so many are like @mixed */
	struct spec mixed;
	bool beside_hash; /* the baseline is a look-up in a hash map */
	double goal;
	const char *goal_unit;
};

struct scene {
	const char *name; /* appended to those of its rows; "" for none */
	const struct row *rows;
	unsigned n_rows;
	/* 0: a small table. Else tables_fill() of so many */
	__u32 sessions;
	__u32 room;  /* for so many; 0: for sessions */
	bool full;   /* every set */
	bool unsure; /* the table may lack connections */
	bool kernel; /* wildcards answer with their listener's cookies */
	__u32 exact; /* services at exact addresses instead of wildcards */
	enum endpoint_mode mode;
};

extern const struct scene scenes[];
extern const unsigned n_scenes;

enum { SESSIONS_MOST = 4000000 };

#endif
