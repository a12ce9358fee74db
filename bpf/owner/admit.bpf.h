/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: how a handshake that XDP found complete becomes a kernel
 * socket. XDP puts what was negotiated in metadata in front of the packet; tc
 * ingress reads it, verifies the checksum, and has the listener build the
 * socket from it with bpf_sk_assign_tcp_reqsk() (Linux 6.9, net/core/filter.c).
 * Only then does the session count as admitted. What the kernel does not accept
 * leaves nothing behind, so segments that never reach a socket can neither fill
 * the table nor make this host send probes.
 *
 * A driver without XDP metadata is detected at the first attempt: from then on
 * tc looks up the session and checks the cookies of pending ones itself.
 */
#ifndef SYNKEEPER_ADMIT_BPF_H
#define SYNKEEPER_ADMIT_BPF_H

#include "checksum.bpf.h"
#include "cookie/check.bpf.h"
#include "cookie/options.bpf.h"
#include "wire/classify.bpf.h"
#include "wire/parse.bpf.h"
#include "wire/route.bpf.h"
#include "report/budget.bpf.h"
#include "report/events.bpf.h"
#include "session/table.bpf.h"
#include "socket.bpf.h"

enum {
	META_ASSIGN = 0x4b4e5953,      /* "SYNK": assign a socket */
	META_KERNEL = META_ASSIGN + 1, /* the kernel's own cookie */
	META_BEHIND = META_ASSIGN + 2, /* must not overtake its ACK */
};

/* XDP metadata: a multiple of 4 bytes, at most 32. */
struct meta {
	__u32 magic;
	struct bpf_tcp_req_attrs attrs;
};
_Static_assert(sizeof(struct meta) <= 32, "XDP metadata is 32 bytes");

/*
 * Before Linux 6.9 the function does not exist, and no cookies of our own are
 * made. A constant to the verifier, which prunes the code that needs its types.
 */
static __always_inline bool admit_can_assign(void)
{
	return bpf_core_type_exists(struct bpf_tcp_req_attrs);
}

/*
 * The listener's TCP_MAXSEG also bounds what it sends (tcp_parse_options() in
 * net/ipv4/tcp_input.c), but the kernel takes no less than its minimum here.
 */
static __always_inline __u16 admit_mss(const struct flow *f, __u16 mss)
{
	__u16 least = f->pkt.v4 ? MSS_DEFAULT4 : MSS_DEFAULT6;

	if (f->ep.mss && f->ep.mss < mss)
		mss = f->ep.mss < least ? least : f->ep.mss;
	return mss;
}

/*
 * The kernel refuses SACK and timestamps if its sysctls forbid them. Leaving
 * them out is better than a refusal: the SYN-ACK may have offered them before,
 * and an ACK may have timestamps that nobody negotiated.
 */
static __always_inline void admit_attrs(const struct settings *cfg,
					const struct flow *f,
					const struct handshake *hs,
					const struct tcp_opts *o,
					struct bpf_tcp_req_attrs *ret)
{
	__builtin_memset(ret, 0, sizeof(*ret));
	ret->mss = admit_mss(f, hs->mss);
	ret->ecn_ok = hs->ecn;
	ret->sack_ok = hs->sack && cfg->flags & SETTING_SACK;
	if (hs->wscale != WSCALE_NONE) {
		ret->wscale_ok = 1;
		ret->snd_wscale = hs->wscale;
		ret->rcv_wscale = route_scale(cfg, f);
	}
	if (hs->ts && cfg->flags & SETTING_TS) {
		ret->tstamp_ok = 1;
		ret->rcv_tsval = o->tsval;
		ret->rcv_tsecr = o->tsecr;
	}
}

/* Makes room for the metadata. Returns NULL if the driver supports none. */
static __always_inline struct meta *admit_meta_room(struct xdp_md *ctx,
						    struct settings *cfg)
{
	struct meta *meta;

	if (!admit_can_assign() || cfg->flags & SETTING_NO_META)
		return NULL;
	if (bpf_xdp_adjust_meta(ctx, -(int)sizeof(*meta))) {
		/* atomically: the daemon changes other bits of the word */
		__sync_fetch_and_or(&cfg->flags, SETTING_NO_META);
		return NULL;
	}
	meta = (void *)(long)ctx->data_meta;
	return (void *)(meta + 1) > (void *)(long)ctx->data ? NULL : meta;
}

/* XDP: asks tc to assign a socket for handshake @hs. */
static __always_inline void
admit_put_meta(struct xdp_md *ctx, struct settings *cfg, const struct flow *f,
	       const struct handshake *hs, const struct tcp_opts *o)
{
	struct meta *meta = admit_meta_room(ctx, cfg);

	if (!meta)
		return;
	meta->magic = META_ASSIGN;
	admit_attrs(cfg, f, hs, o, &meta->attrs);
}

/*
 * XDP: metadata without attributes. META_KERNEL: the kernel makes the socket
 * itself; tc only verifies the checksum.
 *
 * META_BEHIND: the packet arrived in the same batch as the ACK admitted before
 * it. The whole batch goes through conntrack before the first packet is
 * confirmed: conntrack takes this packet for a second new connection, finds
 * that the two clash, and drops it (insert_failed), so the client's request is
 * delayed by a retransmission, 200 ms. tc therefore requeues it behind the
 * batch.
 */
static __always_inline void
admit_put_meta_bare(struct xdp_md *ctx, struct settings *cfg, __u32 magic)
{
	struct meta *meta = admit_meta_room(ctx, cfg);

	if (!meta)
		return;
	meta->magic = magic;
	__builtin_memset(&meta->attrs, 0, sizeof(meta->attrs));
}

/* tc: copies the metadata. Returns its magic, or 0 if there is none. */
static __always_inline __u32 admit_get_meta(struct __sk_buff *skb,
					    struct bpf_tcp_req_attrs *ret)
{
	const struct meta *meta = (void *)(long)skb->data_meta;

	if ((void *)(meta + 1) > (void *)(long)skb->data ||
	    (meta->magic != META_ASSIGN && meta->magic != META_KERNEL &&
	     meta->magic != META_BEHIND))
		return 0;
	__builtin_memcpy(ret, &meta->attrs, sizeof(*ret));
	return meta->magic;
}

/* ---- tc ---- */

extern int bpf_sk_assign_tcp_reqsk(struct __sk_buff *skb, struct sock *sk,
				   struct bpf_tcp_req_attrs *attrs,
				   int attrs__sz) __ksym __weak;

enum { VLAN_VID_MASK = 0xfff, KERNEL_EINVAL = 22 };

/*
 * For drivers without XDP metadata: finds out what the metadata would be.
 * Returns its magic, or 0.
 */
static __always_inline __u32 admit_without_meta(struct __sk_buff *skb,
						const struct settings *cfg,
						const struct flow *f,
						const struct session *s,
						struct bpf_tcp_req_attrs *ret)
{
	const struct packet *p = &f->pkt;
	struct handshake hs;
	struct tcp_opts o;

	if (!s || !session_has_cookie(s))
		return 0;
	if (s->live.flags & SESSION_KERNEL)
		return META_KERNEL;
	tcp_opts_init(&o);
	if (p->tcp_len > TCP_HDR_LEN && tcpopt_walk_skb(skb, p, &o))
		return 0;
	if (!check_live(cfg, p, check_promise(cfg, f), &o, &hs))
		return 0;
	admit_attrs(cfg, f, &hs, &o, ret);
	return META_ASSIGN;
}

/*
 * Hands the request to the listener of @f. Returns 0 if it took it or a socket
 * exists already, else the kernel's -errno, or a reason (positive).
 */
static __always_inline int admit_assign(struct __sk_buff *skb,
					struct settings *cfg,
					const struct flow *f,
					struct bpf_tcp_req_attrs *attrs)
{
	struct bpf_sock_tuple tuple = {};
	__u32 len = socket_tuple(&f->pkt, &tuple);
	struct bpf_sock *sk;
	struct tcp_sock *listener;
	int err = 0;

	sk = bpf_skc_lookup_tcp(skb, &tuple, len, BPF_F_CURRENT_NETNS, 0);
	if (!sk)
		return REASON_no_listener;
	if (sk->state == KERNEL_LISTEN) {
		listener = bpf_skc_to_tcp_sock(sk);
		if (listener) {
			queue_note(cfg, f->ep.service, queue_of(listener));
			err = bpf_sk_assign_tcp_reqsk(skb,
						      (struct sock *)listener,
						      attrs, sizeof(*attrs));
		}
	}
	bpf_sk_release(sk);
	return err;
}

/* The handshake of @s came to nothing: removes its entry. */
static __always_inline void admit_forget(struct session *s, int slot)
{
	if (s && s->live.state == SESSION_OPENING)
		session_feed(slot, 1 << INPUT_IDLE);
}

/*
 * The kernel did not take the request, so its RST may go out. The daemon hears
 * only of refusals by the listener, not of a lack of memory.
 */
static __always_inline void admit_failed(const struct flow *f,
					 struct session *s, int slot, int err)
{
	struct event *e = NULL;

	count(f->ep.service, err > 0 ? err : REASON_refused);
	if (err == -KERNEL_EINVAL &&
	    budget_take(BUDGET_REFUSED, REFUSED_PER_SECOND))
		e = report_begin(EVENT_REFUSED, f->ep.service, &f->pkt.tuple);
	if (e) {
		e->error = err;
		bpf_ringbuf_submit(e, 0);
	}
	if (s)
		session_flag(s, SESSION_REFUSED);
	admit_forget(s, slot);
}

/*
 * Of several VLAN tags with id 0 the kernel has removed the first here and
 * removes the others after tc; until then skb->protocol is VLAN, and the
 * assignment would fail.
 */
static __always_inline void admit_untag(struct __sk_buff *skb)
{
	if (is_vlan(skb->protocol) && !(skb->vlan_tci & VLAN_VID_MASK))
		bpf_skb_vlan_pop(skb);
}

enum { TC_INDEX_BEHIND = 0x5344, REDIRECT_INGRESS = 1 /* BPF_F_INGRESS */ };

/*
 * Requeues through the CPU's backlog. Only once: in skb mode the packet passes
 * XDP again, and would loop forever if a firewall dropped the ACK.
 */
static __always_inline int admit_later(struct __sk_buff *skb)
{
	if (skb->tc_index == TC_INDEX_BEHIND)
		return TCX_NEXT;
	skb->tc_index = TC_INDEX_BEHIND;
	return bpf_redirect(skb->ifindex, REDIRECT_INGRESS);
}

enum { DOFF_FLAGS = 12, FLAGS_AE_CWR = 0x0180 };

/*
 * Synkeeper's SYN-ACK agrees to classic ECN only (RFC 3168), but to the kernel
 * AE or CWR in the first segment mean accurate ECN: cookie_v4_check() in
 * net/ipv4/syncookies.c does not consult tcp_ecn. A classic client sends CWR
 * there if the ACK before it was lost; taking it off loses nothing, since
 * nothing was marked yet.
 */
static __always_inline void admit_keep_classic_ecn(struct __sk_buff *skb,
						   const struct packet *p)
{
	__u32 at = p->l4 + DOFF_FLAGS;
	__be16 had, has;

	if (bpf_skb_load_bytes(skb, at, &had, sizeof(had)))
		return;
	has = had & ~bpf_htons(FLAGS_AE_CWR);
	if (has == had)
		return;
	bpf_l4_csum_replace(skb, p->l4 + offsetof(struct tcphdr, check), had,
			    has, sizeof(has));
	bpf_skb_store_bytes(skb, at, &has, sizeof(has), 0);
}

/*
 * tc ingress: turns what XDP accepted into a socket. Returns a tc verdict. A
 * global function, to keep its stack apart from that of the splice.
 */
__noinline int admit(struct __sk_buff *skb)
{
	struct settings *cfg = get_settings();
	struct bpf_tcp_req_attrs attrs;
	struct flow f = {};
	struct session *s;
	__u32 magic;
	int err, slot;

	if (!admit_can_assign()) /* the program still has to load */
		return TCX_NEXT;
	if (!cfg || !(cfg->flags & SETTING_READY))
		return TCX_NEXT;
	magic = admit_get_meta(skb, &attrs);
	if (!magic && !(cfg->flags & SETTING_NO_META))
		return TCX_NEXT;
	if (magic == META_BEHIND)
		return admit_later(skb);
	admit_untag(skb);
	if (parse_skb(skb, &f.pkt) || classify(cfg, &f))
		return TCX_NEXT;
	s = session_find(cfg, &f.pkt.tuple, &slot);
	if (!magic)
		magic = admit_without_meta(skb, cfg, &f, s, &attrs);
	if (!magic)
		return TCX_NEXT;
	if (!checksum_is_right(skb, &f.pkt)) {
		count(f.ep.service, REASON_bad_checksum);
		admit_forget(s, slot);
		return TCX_DROP;
	}
	admit_keep_classic_ecn(skb, &f.pkt);
	err = magic == META_KERNEL ? 0 : admit_assign(skb, cfg, &f, &attrs);
	if (err)
		admit_failed(&f, s, slot, err);
	else if (ip_header_is_plain(&f.pkt))
		session_feed(slot, 1 << INPUT_ADMITTED);
	/* else: the kernel may still drop it; wait until a socket is seen */
	return TCX_NEXT;
}

#endif
