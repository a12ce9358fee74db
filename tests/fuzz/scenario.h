/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the format of an input of the packet target. Every
 * sequence of bytes is valid, so that the fuzzer wastes none: SCENARIO_HEAD
 * bytes select settings, services and sources, followed by steps until the end:
 *
 *	op	arg	length, little endian	data
 *	1	1	2			what is left of it
 *
 * STEP_FRAME	a frame to XDP; @arg: enum step_frame
 * STEP_TC	a frame to tc ingress without metadata from XDP
 * STEP_EGRESS	a frame of the server's; @arg: the state of its socket
 * STEP_SOCKET	what the kernel has from now on; @arg: enum step_socket, seven
 *		32-bit numbers
 * STEP_CLOCK	@arg + first byte of the data * 256 ticks pass
 * STEP_SESSION	inserts sessions; @arg: enum step_session, four numbers
 * STEP_DAEMON	what the daemon does; @arg: enum step_daemon
 *
 * The bpf test "corpus" replays inputs through the kernel, which there has no
 * sockets and its own clock; scenario_replays() selects the steps that depend
 * on neither.
 */
#ifndef FUZZ_SCENARIO_H
#define FUZZ_SCENARIO_H

#include <stddef.h>
#include <stdint.h>

#include "synkeeper/abi.h"

enum {
	SCENARIO_HEAD = 12,
	SCENARIO_STEPS = 24,
	SCENARIO_SET_MASK = 63,
	SCENARIO_IFINDEX = 1,
	SCENARIO_PORT = 443,
	SCENARIO_SERVICE4 = 1,
	SCENARIO_SERVICE6 = 2,
	SCENARIO_EXACT = 3,
	SCENARIO_FRAME_MAX = 2048,
	/* more than one CPU can use up in a scenario */
	SCENARIO_RESETS = 1000,
	SCENARIO_SETTLE = 100, /* ticks: no session is that fresh */
};

enum step_op {
	STEP_FRAME,
	STEP_TC,
	STEP_EGRESS,
	STEP_SOCKET,
	STEP_CLOCK,
	STEP_SESSION,
	STEP_DAEMON,
	STEP_OPS,
};

enum step_frame {
	FRAME_TO_US = 1 << 0,  /* destination MAC: the server's */
	FRAME_ACK = 1 << 1,    /* numbers: acknowledges the last SYN-ACK */
	FRAME_TUPLE = 1 << 2,  /* addresses and ports: of that SYN */
	FRAME_ADMIT = 1 << 3,  /* if it passes, tc ingress comes next */
	FRAME_LINEAR = 3 << 4, /* 0: all, else 64, 96, 128 bytes */
	FRAME_ROOM = 3 << 6,   /* 0: a page, else 0, 4, 12 bytes */
};

enum step_session {
	STEP_STATE = 15,
	STEP_V6 = 1 << 4,
	STEP_FULL = 1 << 5, /* a whole set of them, by their ports */
	STEP_FRESH = 1 << 6,
};

enum step_daemon {
	DAEMON_ROTATE = 1 << 0,
	DAEMON_DISARM = 1 << 1, /* or takes it back */
	DAEMON_WATCH = 1 << 2,
	DAEMON_COMPLETE = 1 << 3,
	DAEMON_MARK = 1 << 4, /* the sets of scenario_tuple(), or not */
};

struct step {
	enum step_op op;
	uint8_t arg;
	size_t len;
	const uint8_t *data;
};

/* Of the head's eleventh byte: cookies, and what else had no room. */
enum head_cookies {
	HEAD_KERNEL = 1 << 0,	    /* the services' are the kernel's */
	HEAD_KERNEL_EXACT = 1 << 1, /* those of the exact one are */
	HEAD_KERNEL_TS = 1 << 2,
	HEAD_FLOW_LABEL = 1 << 3,
};

/* Of STEP_SOCKET's argument. */
enum step_socket {
	SOCKET_STATE = 15,
	SOCKET_KNOWS_ALL = 1 << 4, /* cookies */
	SOCKET_REFUSES = 1 << 5,
	SOCKET_COOKIE = 1 << 6,	 /* it makes one, and knows it again */
	SOCKET_BOUNDED = 1 << 7, /* SO_RCVBUF; if it knows all, a clamp */
};

struct scenario {
	struct settings cfg; /* clock: 0 is the present */
	struct cookie_key keys[KEY_SLOTS];
	struct port_services port; /* of SCENARIO_PORT */
	struct endpoint exact;	   /* of the server's addresses; or none */
	struct iface iface;
	bool local;	  /* the server's addresses are this host's */
	__u32 client_is;  /* enum source_kind, or 0 */
	__u32 network_is; /* the prefix around it */
	bool no_meta;
	unsigned int ring_room;

	const uint8_t *at, *end;
	unsigned int steps;
};

extern const uint8_t scenario_server_mac[6];

void scenario_begin(struct scenario *s, const uint8_t *data, size_t size);
/* Returns false at the end. */
bool scenario_next(struct scenario *s, struct step *ret);
bool scenario_replays(const struct step *step);

/* The key of an epoch. */
struct cookie_key scenario_key(unsigned int epoch);
void scenario_rotate(struct scenario *s);

/* The tuple that the seeds have, of client port 40000 + @n. */
struct tuple scenario_tuple(bool v6, unsigned int n);
/* The prefixes of client_is and network_is. */
struct local_key scenario_prefix(bool v6, bool network);
/* Number @n of the data, or @otherwise beyond its end. */
__u32 step_number(const struct step *step, unsigned int n, __u32 otherwise);

/* The session @n of a STEP_SESSION at @now (ticks). */
struct session scenario_session(const struct step *step, unsigned int n,
				__u32 now);
unsigned int scenario_sessions(const struct step *step);

/*
 * What a client knows of a handshake, from the SYN-ACK; it turns an arbitrary
 * frame into the packet that follows.
 */
struct client {
	bool heard;
	bool v6, ts;
	__u32 seq, ack, tsecr;
	uint8_t addrs[32]; /* as they stand in the IP header */
	uint8_t ports[4];
};

/* Records @out, the answer to a SYN. */
void client_hears(struct client *c, const uint8_t *out, size_t len);
/* Changes @frame as the bits of enum step_frame in @arg say. */
void client_adapts(const struct client *c, uint8_t arg, uint8_t *frame,
		   size_t len);

#endif
