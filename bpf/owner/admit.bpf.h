/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: how a handshake that XDP has found complete becomes the
 * kernel's socket. XDP puts what both ends agreed on in front of the packet; tc
 * ingress finds it there, looks at the checksum, and lets the listener build
 * the socket from it, with bpf_sk_assign_tcp_reqsk() (Linux 6.9,
 * net/core/filter.c). Only then is the session booked as admitted. What the
 * kernel does not take leaves nothing behind, so nobody can fill the table, or
 * have this host probe and wait for him, with segments that no socket will ever
 * see.
 *
 * A driver without XDP metadata is noticed at the first try: from then on tc
 * looks the session up and checks the cookie of pending ones itself.
 */
#ifndef SYNKEEPER_ADMIT_BPF_H
#define SYNKEEPER_ADMIT_BPF_H

#include "checksum.bpf.h"
#include "cookie/check.bpf.h"
#include "cookie/options.bpf.h"
#include "wire/classify.bpf.h"
#include "wire/parse.bpf.h"
#include "report/budget.bpf.h"
#include "report/events.bpf.h"
#include "session/table.bpf.h"
#include "socket.bpf.h"

enum {
	META_ASSIGN = 0x4b4e5953,      /* "SYNK": to be assigned */
	META_KERNEL = META_ASSIGN + 1, /* the kernel's own cookie */
	META_BEHIND = META_ASSIGN + 2, /* not to be looked at before its ACK */
};

/* In front of the packet; a multiple of 4 and at most 32 bytes. */
struct meta {
	__u32 magic;
	struct bpf_tcp_req_attrs attrs;
};
_Static_assert(sizeof(struct meta) <= 32, "XDP metadata is 32 bytes");

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

/* XDP: tc is to give the kernel the socket of @hs. */
static __always_inline void admit_put_meta(struct xdp_md *ctx,
					   struct settings *cfg,
					   const struct handshake *hs,
					   const struct tcp_opts *o,
					   __u8 wscale)
{
	struct meta *meta = admit_meta_room(ctx, cfg);

	if (!meta)
		return;
	meta->magic = META_ASSIGN;
	admit_attrs(cfg, hs, o, wscale, &meta->attrs);
}

/*
 * XDP: a mark without attributes. META_KERNEL: the kernel makes the socket
 * itself; tc sees to the checksum only.
 *
 * META_BEHIND: the packet came in one batch with the ACK that was admitted
 * before it. The kernel hands a batch to conntrack as a whole, before it
 * confirms the first packet: conntrack takes this one for a second new
 * connection, finds that the two clash, and drops it (insert_failed); the
 * client's request comes again after 200 ms. tc sends it around once more,
 * behind the batch.
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

/* tc: copies the mark out. Returns its magic, or 0 if there is none. */
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
 * For drivers without XDP metadata: what would have been marked. Returns the
 * mark's magic, or 0.
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
	if (!check_cookie(p, &o, KEYS_LIVE, &hs))
		return 0;
	admit_attrs(cfg, &hs, &o, f->ep.wscale, ret);
	return META_ASSIGN;
}

/*
 * Gives the listener of @p the request. 0: it has it, or there is a socket
 * already. Else the kernel's -errno, or a reason above zero.
 */
static __always_inline int admit_assign(struct __sk_buff *skb,
					const struct packet *p,
					struct bpf_tcp_req_attrs *attrs)
{
	struct bpf_sock_tuple tuple = {};
	__u32 len = socket_tuple(p, &tuple);
	struct bpf_sock *sk;
	struct tcp_sock *listener;
	int err = 0;

	sk = bpf_skc_lookup_tcp(skb, &tuple, len, BPF_F_CURRENT_NETNS, 0);
	if (!sk)
		return REASON_no_listener;
	if (sk->state == KERNEL_LISTEN) {
		listener = bpf_skc_to_tcp_sock(sk);
		if (listener)
			err = bpf_sk_assign_tcp_reqsk(skb,
						      (struct sock *)listener,
						      attrs, sizeof(*attrs));
	}
	bpf_sk_release(sk);
	return err;
}

/* What came of @s's handshake so far is nothing: it is forgotten. */
static __always_inline void admit_forget(struct session *s, int slot)
{
	if (s && s->live.state == SESSION_OPENING)
		session_feed(slot, 1 << INPUT_IDLE);
}

/*
 * The kernel did not take it: its RST may go. Only a refusal of the listener's
 * is told; no memory is nobody's fault.
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
 * Of several VLAN tags of id 0 the kernel takes off the first here and the
 * others after tc; until then it knows no protocol, and assigns nothing.
 */
static __always_inline void admit_untag(struct __sk_buff *skb)
{
	if (is_vlan(skb->protocol) && !(skb->vlan_tci & VLAN_VID_MASK))
		bpf_skb_vlan_pop(skb);
}

enum { TC_INDEX_BEHIND = 0x5344, REDIRECT_INGRESS = 1 /* BPF_F_INGRESS */ };

/*
 * Through the CPU's backlog. Only once: in skb mode it comes through XDP again,
 * and would go around for ever if a firewall dropped the ACK.
 */
static __always_inline int admit_later(struct __sk_buff *skb)
{
	if (skb->tc_index == TC_INDEX_BEHIND)
		return TCX_NEXT;
	skb->tc_index = TC_INDEX_BEHIND;
	return bpf_redirect(skb->ifindex, REDIRECT_INGRESS);
}

/* tc ingress: what XDP accepted becomes a socket. Returns a tc verdict. */
static __always_inline int admit(struct __sk_buff *skb)
{
	const struct settings *cfg = get_settings();
	struct bpf_tcp_req_attrs attrs;
	struct flow f = {};
	struct session *s;
	__u32 magic;
	int err, slot;

	if (!admit_can_assign()) /* loads all the same, for who loads all */
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
	err = magic == META_KERNEL ? 0 : admit_assign(skb, &f.pkt, &attrs);
	if (err)
		admit_failed(&f, s, slot, err);
	else if (ip_header_is_plain(&f.pkt))
		session_feed(slot, 1 << INPUT_ADMITTED);
	/* else: the kernel may object to an option; its socket will tell */
	return TCX_NEXT;
}

#endif
