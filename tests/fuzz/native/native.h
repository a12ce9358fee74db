/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the BPF programs as functions of this process, built
 * from the unmodified bpf/synkeeper.bpf.c, so that a fuzzer and the sanitizers
 * can instrument them. What the kernel does for them is simulated:
 *
 *	maps	each value is a heap block of its exact size; elements of
 *		arrays are created, zeroed, on first access
 *	frame	below 4 GB, since xdp_md has 32-bit pointers, and all around it
 *		is poisoned, in steps of a byte behind it; a part of it may lie
 *		in fragments, which programs can only copy from
 *	kernel	any lookup finds native.socket
 *	clock	native.clock_ns; native.fine_ns where no coarse one will do
 *
 * What the verifier would reject ends the process: a socket that is not
 * released, a ring buffer entry neither submitted nor discarded.
 *
 * This header is included on both sides: by native/ with the kernel's types, by
 * the targets with those of libc.
 */
#ifndef FUZZ_NATIVE_H
#define FUZZ_NATIVE_H

#include "finding.h"
#include "synkeeper/abi.h"

enum {
	NATIVE_FRAME_MAX = 4096,
	NATIVE_META_MAX = 32,
	/* behind a small frame in BPF_PROG_TEST_RUN; a multiple of 8 */
	NATIVE_ROOM = 3520,
};

struct native_socket {
	__u32 state; /* enum kernel_state; 0: there is none */
	__u32 rcv_nxt, rcv_wup, rcv_wnd, snd_una, snd_nxt, max_window,
		write_seq;
	bool sent_cookie; /* bpf_tcp_check_syncookie() says yes to all */
	bool knows_own;	  /* ... or at least to the one below */
	__s64 cookie;	  /* of bpf_tcp_gen_syncookie(); 0: it makes none */
	bool own_buffer;  /* a listener with SO_RCVBUF */
	bool own_clamp;	  /* ... with TCP_WINDOW_CLAMP */
	int assign;	  /* of bpf_sk_assign_tcp_reqsk() */
};

/* What a listener knew of the SYN when it made a cookie. */
struct native_syn {
	struct tuple tuple;
	__u32 seq;
	__u16 mss;
};

struct native {
	/* what the programs find */
	__u64 clock_ns;
	__u64 fine_ns; /* 0: the same */
	struct native_socket socket;
	__u16 socket_port; /* the server port it is found at; 0: any */
	bool no_meta;	   /* the driver has no XDP metadata */
	__u8 ip_summed;	   /* of the sk_buff: who looked at the checksum */
	unsigned int room; /* of the rings, in entries */
	/* what they did */
	unsigned int events, samples, lookups, assigned, cookies;
	struct event event; /* the last one */
	struct sample sample;
	struct tuple asked;	  /* of the last look-up */
	struct native_syn cookie; /* of the last one made */
};
extern struct native native;

/* Empties all maps and the struct native. */
void native_reset(void);
/*
 * The value of @key in map @name, for reading and writing. NULL: no such key;
 * with @create it is added, zeroed.
 */
void *native_value(const char *name, const void *key, bool create);
/* Calls @visit with the key and the value of everything in the map. */
void native_each(const char *name,
		 void (*visit)(const void *key, void *value, void *data),
		 void *data);
/* Adds a source to the active list. */
void native_source(const struct local_key *key, __u32 kind);

/*
 * Sets the current frame, of which @linear bytes are not in fragments (0: all),
 * with @room bytes after it.
 */
void native_frame(const void *data, unsigned int len, unsigned int linear,
		  unsigned int room);
/* Reads back the frame, and the metadata before it. Returns the length. */
unsigned int native_read(void *buf, unsigned int size);
unsigned int native_read_meta(void *buf, unsigned int size);

/* Run a program on the frame, and return what it returns. */
int native_xdp(__u32 ifindex);
int native_admit(void);
int native_egress(__u32 sk_state);

/* ---- between the files of native/ ---- */

struct native_map {
	const void *def; /* as bpf/maps.bpf.h defines it */
	const char *name;
	__u32 type, key_size, value_size, max;
	struct native_entry *entries;
};
extern struct native_map native_maps[];

void native_maps_clear(void);

#endif
