// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: the current frame, and what programs may do to it. It
 * starts at a multiple of 8, so that ASan can poison every byte before it and
 * every byte after it. Fragments are one heap block to which no program gets a
 * pointer. Errors are those of net/core/filter.c.
 */
#include "native.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
	REGION = 0x10000000, /* its address: 32 bits hold it */
	HEADROOM = 256,
	REGION_SIZE = HEADROOM + NATIVE_FRAME_MAX + 4096,

	ETH_HLEN = 14,
	EINVAL = 22,
	EOPNOTSUPP = 95,
	ENOMEM = 12,
};

int synkeeper_xdp(struct xdp_md *ctx);
int synkeeper_admit(struct __sk_buff *skb);
int synkeeper_egress(struct __sk_buff *skb);

struct native native;

static unsigned char *region;
static unsigned char *start; /* of the frame */
static unsigned int linear, meta, room;
static unsigned char *frags;
static unsigned int frags_len;

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define POISONS
#endif
#endif

#ifdef POISONS
void __asan_poison_memory_region(const volatile void *at, size_t size);
void __asan_unpoison_memory_region(const volatile void *at, size_t size);
#else
#define __asan_poison_memory_region(at, size)	((void)(at), (void)(size))
#define __asan_unpoison_memory_region(at, size) ((void)(at), (void)(size))
#endif

/* Only the frame and its metadata may be accessed. */
static void fence(void)
{
	__asan_poison_memory_region(region, REGION_SIZE);
	__asan_unpoison_memory_region(start - meta, meta + linear);
}

static void open_region(void)
{
	if (region)
		return;
	region = mmap((void *)REGION, REGION_SIZE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	if (region != (void *)REGION)
		finding("no memory at 0x%x for the frame", REGION);
	start = region + HEADROOM;
}

void native_reset(void)
{
	open_region();
	native_maps_clear();
	memset(&native, 0, sizeof(native));
}

void native_frame(const void *data, unsigned int len, unsigned int want_linear,
		  unsigned int want_room)
{
	if (len > NATIVE_FRAME_MAX)
		finding("a frame of %u bytes", len);
	start = region + HEADROOM;
	linear = want_linear && want_linear < len ? want_linear : len;
	meta = 0;
	room = want_room;
	frags_len = len - linear;
	free(frags);
	frags = malloc(frags_len);
	fence();
	memcpy(start, data, linear);
	memcpy(frags, (const unsigned char *)data + linear, frags_len);
}

static long copy_out(unsigned int offset, void *buf, unsigned int len)
{
	unsigned int i;

	if (offset > 0xffff || len > 0xffff ||
	    offset + len > linear + frags_len)
		return -EINVAL;
	for (i = 0; i < len; i++)
		((unsigned char *)buf)[i] =
			offset + i < linear ? start[offset + i]
					    : frags[offset + i - linear];
	return 0;
}

unsigned int native_read(void *buf, unsigned int size)
{
	unsigned int len = linear + frags_len;

	copy_out(0, buf, len < size ? len : size);
	return len;
}

unsigned int native_read_meta(void *buf, unsigned int size)
{
	memcpy(buf, start - meta, meta < size ? meta : size);
	return meta;
}

/* ---- XDP ---- */

static __u32 address(const void *at)
{
	return (__u32)(unsigned long)at;
}

static void refresh(struct xdp_md *ctx)
{
	fence();
	ctx->data = address(start);
	ctx->data_end = address(start + linear);
	ctx->data_meta = address(start - meta);
}

long bpf_xdp_adjust_tail(struct xdp_md *ctx, int delta)
{
	unsigned int len = linear + frags_len, cut = -delta;

	if (delta >= 0) {
		if (frags_len)
			return -EOPNOTSUPP; /* as for lo, and most drivers */
		if ((unsigned int)delta > room)
			return -EINVAL;
		linear += delta;
		room -= delta;
		refresh(ctx);
		memset(start + linear - delta, 0, delta);
		return 0;
	}
	if (cut > len || len - cut < ETH_HLEN)
		return -EINVAL;
	if (cut <= frags_len) {
		frags_len -= cut;
	} else {
		room += cut - frags_len;
		linear -= cut - frags_len;
		frags_len = 0;
	}
	refresh(ctx);
	return 0;
}

/* Forward only, and without metadata. */
long bpf_xdp_adjust_head(struct xdp_md *ctx, int delta)
{
	if (delta > 0 || meta || start + delta < region)
		return -EINVAL;
	start += delta;
	linear -= delta;
	refresh(ctx);
	return 0;
}

long bpf_xdp_adjust_meta(struct xdp_md *ctx, int delta)
{
	int len = (int)meta - delta;

	if (native.no_meta)
		return -EOPNOTSUPP;
	if (len < 0 || len > NATIVE_META_MAX || len % 4)
		return -EINVAL;
	meta = len;
	refresh(ctx);
	return 0;
}

long bpf_xdp_load_bytes(struct xdp_md *ctx, __u32 offset, void *buf, __u32 len)
{
	(void)ctx;
	return copy_out(offset, buf, len);
}

static long copy_in(unsigned int offset, const void *from, unsigned int len)
{
	const unsigned char *bytes = from;
	unsigned int i;

	if (offset > 0xffff || len > 0xffff ||
	    offset + len > linear + frags_len)
		return -EINVAL;
	for (i = 0; i < len; i++)
		*(offset + i < linear ? &start[offset + i]
				      : &frags[offset + i - linear]) = bytes[i];
	return 0;
}

long bpf_xdp_store_bytes(struct xdp_md *ctx, __u32 offset, const void *buf,
			 __u32 len)
{
	(void)ctx;
	return copy_in(offset, buf, len);
}

__u64 bpf_xdp_get_buff_len(struct xdp_md *ctx)
{
	(void)ctx;
	return linear + frags_len;
}

/* ---- tc ---- */

long bpf_skb_load_bytes(const void *skb, __u32 offset, void *buf, __u32 len)
{
	(void)skb;
	return copy_out(offset, buf, len);
}

long bpf_skb_store_bytes(struct __sk_buff *skb, __u32 offset, const void *from,
			 __u32 len, __u64 flags)
{
	(void)skb;
	return flags ? -EINVAL : copy_in(offset, from, len);
}

enum { PSEUDO_HEADER = 0x10 /* BPF_F_PSEUDO_HDR */ };

/*
 * RFC 1624; @flags is the size of the field, 0: @to is the difference. A
 * checksum is complete here, so that the pseudo-header's part is no other.
 */
long bpf_l4_csum_replace(struct __sk_buff *skb, __u32 offset, __u64 from,
			 __u64 to, __u64 flags)
{
	__u32 size = flags & ~PSEUDO_HEADER;
	__u64 sum;
	__u16 had;

	(void)skb;
	if (size != 0 && size != 2 && size != 4)
		finding("a checksum with flags %u", (unsigned int)flags);
	if ((!size && from) || copy_out(offset, &had, sizeof(had)))
		return -EINVAL;
	sum = (__u64)(__u16)~had + (__u32)to;
	if (size)
		sum += size == 2 ? (__u16)~from : (__u32)~from;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	had = ~sum;
	return bpf_skb_store_bytes(skb, offset, &had, sizeof(had), 0);
}

long bpf_skb_change_tail(struct __sk_buff *skb, __u32 len, __u64 flags)
{
	unsigned int have = linear + frags_len;

	if (flags || len < ETH_HLEN || len > NATIVE_FRAME_MAX)
		return -EINVAL;
	if (len < have) {
		unsigned int cut = have - len;

		linear -= cut > frags_len ? cut - frags_len : 0;
		frags_len -= cut > frags_len ? frags_len : cut;
	} else if (frags_len) {
		return -ENOMEM;
	} else {
		linear = len;
		fence();
		memset(start + have, 0, len - have);
	}
	fence();
	skb->len = len;
	skb->data_end = address(start + linear);
	return 0;
}

/* Where it goes is no business of the programs. */
long bpf_clone_redirect(struct __sk_buff *skb, __u32 ifindex, __u64 flags)
{
	(void)skb;
	(void)ifindex;
	(void)flags;
	return 0;
}

long bpf_skb_pull_data(struct __sk_buff *skb, __u32 len)
{
	unsigned int more;

	if (len > linear + frags_len)
		return -ENOMEM;
	if (len > linear) {
		more = len - linear;
		linear = len;
		fence();
		memcpy(start + len - more, frags, more);
		frags_len -= more;
		memmove(frags, frags + more, frags_len);
		skb->data_end = address(start + linear);
	}
	return 0;
}

/* The frame's own tags suffice here: the program reads two. */
long bpf_skb_vlan_pop(struct __sk_buff *skb)
{
	(void)skb;
	return 0;
}

__s64 bpf_csum_diff(const void *from, __u32 from_len, const void *to,
		    __u32 to_len, __u32 seed)
{
	__u64 sum = seed;
	__u32 i, word;

	if (from_len % sizeof(word) || to_len % sizeof(word))
		finding("a checksum over %u and %u bytes", from_len, to_len);
	for (i = 0; i < from_len; i += sizeof(word)) {
		memcpy(&word, (const __u8 *)from + i, sizeof(word));
		sum += (__u32)~word;
	}
	for (i = 0; i < to_len; i += sizeof(word)) {
		memcpy(&word, (const __u8 *)to + i, sizeof(word));
		sum += word;
	}
	sum = (sum & 0xffffffff) + (sum >> 32);
	return (__u32)((sum & 0xffffffff) + (sum >> 32));
}

void *bpf_cast_to_kern_ctx(void *obj);
void *bpf_cast_to_kern_ctx(void *obj)
{
	return obj;
}

unsigned int native_ip_summed(const void *skb)
{
	(void)skb;
	return native.ip_summed;
}

/* ---- runs ---- */

void native_settle(void);

int native_xdp(__u32 ifindex)
{
	struct xdp_md ctx = { .ingress_ifindex = ifindex };
	int ret;

	refresh(&ctx);
	ret = synkeeper_xdp(&ctx);
	native_settle();
	return ret;
}

static struct __sk_buff skb_of_frame(void)
{
	fence();
	return (struct __sk_buff){ .len = linear + frags_len,
				   .data = address(start),
				   .data_end = address(start + linear),
				   .data_meta = address(start - meta) };
}

int native_admit(void)
{
	struct __sk_buff skb = skb_of_frame();
	int ret = synkeeper_admit(&skb);

	native_settle();
	return ret;
}

int native_egress(__u32 sk_state)
{
	struct __sk_buff skb = skb_of_frame();
	struct bpf_sock sk = { .state = sk_state };
	int ret;

	skb.sk = sk_state ? &sk : NULL;
	ret = synkeeper_egress(&skb);
	native_settle();
	return ret;
}
