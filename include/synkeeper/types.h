/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the headers in this directory are compiled both into the
 * BPF programs and into the daemon, the command and the tests. This one gives
 * both sides the same fixed-width types and struct tuple.
 */
#ifndef SYNKEEPER_TYPES_H
#define SYNKEEPER_TYPES_H

#ifdef __bpf__
/* vmlinux.h first: libbpf's headers use its types */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#define htobe16_const(x) bpf_htons(x)
#define htobe32_const(x) bpf_htonl(x)
#define be32_to_host(x)	 bpf_ntohl(x)
#else
#include <endian.h>
#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#define htobe16_const(x) htobe16(x)
#define htobe32_const(x) htobe32(x)
#define be32_to_host(x)	 be32toh(x)
#define barrier_var(var) __asm__ volatile("" : "+r"(var))
#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif
#endif

/*
 * A 4-tuple as the client sends it. IPv4 addresses are v4-mapped
 * (::ffff:a.b.c.d, RFC 4291 section 2.5.5.2), so one key serves both families.
 * All members in network byte order.
 */
struct tuple {
	__be32 client[4];
	__be32 server[4];
	__be16 client_port;
	__be16 server_port;
};
_Static_assert(sizeof(struct tuple) == 36, "struct tuple has a hole");

static __always_inline bool tuple_is_v4(const struct tuple *t)
{
	return t->server[2] == htobe32_const(0xffff) && !t->server[1] &&
	       !t->server[0];
}

#endif
