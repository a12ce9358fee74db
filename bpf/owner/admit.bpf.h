/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: step 5, the only one that knows the role. XDP puts
 * what both ends agreed on in front of the packet; tc finds it there and lets
 * the kernel build the socket from it, with bpf_sk_assign_tcp_reqsk() (Linux
 * 6.9, net/core/filter.c). A driver without XDP metadata is noticed at the
 * first try: from then on tc looks the session up and checks the cookie of
 * pending ones itself.
 */
#ifndef SYNKEEPER_ADMIT_BPF_H
#define SYNKEEPER_ADMIT_BPF_H

#include "maps.bpf.h"
#include "packet.bpf.h"
#include "synkeeper/cookie.h"

enum {
	MARK_MAGIC = 0x4b4e5953,      /* "SYNK": to be assigned */
	MARK_KERNEL = MARK_MAGIC + 1, /* the kernel's own cookie */
	MARK_BEHIND = MARK_MAGIC + 2, /* not to be looked at before its ACK */
};

/* In front of the packet; a multiple of 4 and at most 32 bytes. */
struct mark {
	__u32 magic;
	struct bpf_tcp_req_attrs attrs;
};
_Static_assert(sizeof(struct mark) <= 32, "XDP metadata is 32 bytes");

/*
 * Before Linux 6.9 there is no such function, and cookies of our own are not
 * made. A constant for the verifier, which then skips what needs its types.
 */
static __always_inline bool admit_can_assign(void)
{
	return bpf_core_type_exists(struct bpf_tcp_req_attrs);
}

/*
 * The kernel takes no SACK that its sysctl forbids; to leave it out is safe
 * even if the SYN-ACK still offered it.
 */
static __always_inline void admit_attrs(const struct settings *cfg,
					const struct handshake *hs,
					const struct tcp_opts *o, __u8 wscale,
					struct bpf_tcp_req_attrs *ret)
{
	__builtin_memset(ret, 0, sizeof(*ret));
	ret->mss = hs->mss;
	ret->ecn_ok = hs->ecn;
	ret->sack_ok = hs->sack && cfg->flags & SETTING_SACK;
	if (hs->wscale != WSCALE_NONE) {
		ret->wscale_ok = 1;
		ret->snd_wscale = hs->wscale;
		ret->rcv_wscale = wscale;
	}
	if (hs->ts) {
		ret->tstamp_ok = 1;
		ret->rcv_tsval = o->tsval;
		ret->rcv_tsecr = o->tsecr;
	}
}

/* Makes room for the mark. Returns NULL if the driver has none. */
static __always_inline struct mark *admit_mark_room(struct xdp_md *ctx,
						    struct settings *cfg)
{
	struct mark *mark;

	if (!admit_can_assign() || cfg->flags & SETTING_NO_META)
		return NULL;
	if (bpf_xdp_adjust_meta(ctx, -(int)sizeof(*mark))) {
		/* atomically: the daemon changes other bits of the word */
		__sync_fetch_and_or(&cfg->flags, SETTING_NO_META);
		return NULL;
	}
	mark = (void *)(long)ctx->data_meta;
	return (void *)(mark + 1) > (void *)(long)ctx->data ? NULL : mark;
}

/* XDP: tc is to give the kernel the socket of @hs. */
static __always_inline void admit_mark(struct xdp_md *ctx, struct settings *cfg,
				       const struct handshake *hs,
				       const struct tcp_opts *o, __u8 wscale)
{
	struct mark *mark = admit_mark_room(ctx, cfg);

	if (!mark)
		return;
	mark->magic = MARK_MAGIC;
	admit_attrs(cfg, hs, o, wscale, &mark->attrs);
}

/*
 * XDP: a mark without attributes. MARK_KERNEL: the kernel makes the socket
 * itself; tc sees to the checksum only.
 *
 * MARK_BEHIND: the packet came in one batch with the ACK that was admitted before
 * it. The kernel hands a batch to conntrack as a whole, before it confirms the
 * first packet: conntrack takes this one for a second new connection, finds
 * that the two clash, and drops it (insert_failed); the client's request comes
 * again after 200 ms. tc sends it around once more, behind the batch.
 */
static __always_inline void admit_mark_bare(struct xdp_md *ctx,
					    struct settings *cfg, __u32 magic)
{
	struct mark *mark = admit_mark_room(ctx, cfg);

	if (!mark)
		return;
	mark->magic = magic;
	__builtin_memset(&mark->attrs, 0, sizeof(mark->attrs));
}

/* tc: copies the mark out. Returns its magic, or 0 if there is none. */
static __always_inline __u32 admit_marked(struct __sk_buff *skb,
					  struct bpf_tcp_req_attrs *ret)
{
	const struct mark *mark = (void *)(long)skb->data_meta;

	if ((void *)(mark + 1) > (void *)(long)skb->data ||
	    (mark->magic != MARK_MAGIC && mark->magic != MARK_KERNEL &&
	     mark->magic != MARK_BEHIND))
		return 0;
	__builtin_memcpy(ret, &mark->attrs, sizeof(*ret));
	return mark->magic;
}

#endif
