/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: replaces libbpf's header of the same name when the BPF
 * programs are compiled natively: the same names, but helpers are functions in
 * native/ instead of numbers. A helper that the programs start to use has to be
 * declared here and implemented there.
 */
#ifndef FUZZ_BPF_HELPERS_H
#define FUZZ_BPF_HELPERS_H

#define SEC(name) __attribute__((used))
#define __ksym
#define __weak
#define __uint(name, val)  int(*name)[val]
#define __type(name, val)  __typeof__(val) *name
#define __array(name, val) __typeof__(val) *name[]

#ifndef NULL
#define NULL ((void *)0)
#endif
#ifndef offsetof
#define offsetof(type, member) __builtin_offsetof(type, member)
#endif
#define __noinline __attribute__((noinline))
#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif
#define barrier_var(var) __asm__ volatile("" : "+r"(var))

/* libbpf has a function of that name, for user space */
#define bpf_map_lookup_elem native_map_lookup_elem
void *bpf_map_lookup_elem(void *map, const void *key);
#define bpf_map_update_elem native_map_update_elem
long bpf_map_update_elem(void *map, const void *key, const void *value,
			 __u64 flags);
void *bpf_ringbuf_reserve(void *ring, __u64 size, __u64 flags);
void bpf_ringbuf_submit(void *data, __u64 flags);
__u64 bpf_ktime_get_ns(void);
__u64 bpf_ktime_get_tai_ns(void);
__u64 bpf_ktime_get_coarse_ns(void);
__u32 bpf_get_smp_processor_id(void);
long bpf_loop(__u32 n, long (*step)(__u32 i, void *ctx), void *ctx,
	      __u64 flags);

long bpf_xdp_adjust_tail(struct xdp_md *ctx, int delta);
long bpf_xdp_adjust_head(struct xdp_md *ctx, int delta);
long bpf_xdp_adjust_meta(struct xdp_md *ctx, int delta);
long bpf_xdp_load_bytes(struct xdp_md *ctx, __u32 offset, void *buf, __u32 len);
long bpf_xdp_store_bytes(struct xdp_md *ctx, __u32 offset, const void *buf,
			 __u32 len);
__u64 bpf_xdp_get_buff_len(struct xdp_md *ctx);
long bpf_skb_load_bytes(const void *skb, __u32 offset, void *buf, __u32 len);
long bpf_skb_store_bytes(struct __sk_buff *skb, __u32 offset, const void *from,
			 __u32 len, __u64 flags);
long bpf_l4_csum_replace(struct __sk_buff *skb, __u32 offset, __u64 from,
			 __u64 to, __u64 flags);
long bpf_skb_change_tail(struct __sk_buff *skb, __u32 len, __u64 flags);
long bpf_clone_redirect(struct __sk_buff *skb, __u32 ifindex, __u64 flags);
long bpf_skb_pull_data(struct __sk_buff *skb, __u32 len);
long bpf_tail_call(void *ctx, void *programs, __u32 index);
long bpf_redirect(__u32 ifindex, __u64 flags);
long bpf_fib_lookup(void *ctx, struct bpf_fib_lookup *params, int len,
		    __u32 flags);
long bpf_skb_vlan_pop(struct __sk_buff *skb);
__s64 bpf_csum_diff(const void *from, __u32 from_len, const void *to,
		    __u32 to_len, __u32 seed);

struct tcphdr;
struct bpf_sock *bpf_skc_lookup_tcp(void *ctx, struct bpf_sock_tuple *tuple,
				    __u32 len, __u64 netns, __u64 flags);
long bpf_sk_release(void *sk);
struct tcp_sock *bpf_skc_to_tcp_sock(void *sk);
struct bpf_sock *bpf_sk_fullsock(struct bpf_sock *sk);
long bpf_tcp_check_syncookie(void *sk, void *ip, __u32 ip_len,
			     struct tcphdr *tcp, __u32 tcp_len);
__s64 bpf_tcp_gen_syncookie(void *sk, void *ip, __u32 ip_len,
			    struct tcphdr *tcp, __u32 tcp_len);

#endif
