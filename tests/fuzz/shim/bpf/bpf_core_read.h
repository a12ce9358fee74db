/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: replaces libbpf's header of the same name: natively all
 * types exist and fields are where the compiler put them.
 */
#ifndef FUZZ_BPF_CORE_READ_H
#define FUZZ_BPF_CORE_READ_H

#define bpf_core_type_exists(type) (sizeof(type) > 0)

/* A struct tcp_sock is no struct sock here: the kernel.c of native/ knows. */
#define BPF_CORE_READ_BITFIELD(s, field) native_##field(s)
unsigned int native_sk_userlocks(const void *sk);
unsigned int native_sk_ack_backlog(const void *sk);
unsigned int native_sk_max_ack_backlog(const void *sk);
unsigned int native_ip_summed(const void *skb);

#endif
