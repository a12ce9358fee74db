/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: XDP's part of a spliced connection. An ACK with a valid
 * cookie is rewritten into the SYN that the client would have sent, and passes:
 * routes, bridges, NAT and firewalls treat it as any client's. While the server
 * has not answered, whatever the client sends again becomes the SYN again, and
 * its data are held. Once it has, packets pass, and tc translates them.
 */
#ifndef SYNKEEPER_SPLICE_XDP_BPF_H
#define SYNKEEPER_SPLICE_XDP_BPF_H

#include "splice.bpf.h"

enum { L2_MAX = 22, /* Ethernet and two VLAN tags */ TCP_WINDOW_AT = 14 };

/* In the session table. Returns its slot, or -1. */
static __noinline int splice_insert(const struct flow *f)
{
	struct session_new n = { .inputs = 1 << INPUT_SYN };

	n.tuple = f->pkt.tuple;
	n.service = f->ep.service;
	return session_insert(&n);
}

/* Reads TTL and TOS, or hop limit and traffic class, of @p. */
static __always_inline int splice_ip_of(struct xdp_md *ctx,
					const struct packet *p, __u8 *ret_ttl,
					__u8 *ret_tos)
{
	__u8 ip[9];

	if (bpf_xdp_load_bytes(ctx, p->l3, ip, sizeof(ip)))
		return -1;
	*ret_ttl = ip[p->v4 ? 8 : 7];
	*ret_tos = p->v4 ? ip[1] : (ip[0] << 4 | ip[1] >> 4);
	return 0;
}

/* In the map of splices. Returns 0, or -1: there is no room. */
static __noinline int splice_put(struct xdp_md *ctx, const struct flow *f)
{
	const struct packet *p = &f->pkt;
	struct tuple key = p->tuple;
	struct splice sp = {};
	__be16 window = 0;
	__u8 ttl = 0;

	if (splice_ip_of(ctx, p, &ttl, &sp.tos) ||
	    bpf_xdp_load_bytes(ctx, p->l4 + TCP_WINDOW_AT, &window, 2))
		return -1;
	sp.tos &= ~ECN_MASK; /* a SYN is sent as neither ECT nor CE */
	sp.client_isn = p->seq - 1;
	sp.cookie = p->ack - 1;
	sp.client_tsval = f->tsval;
	sp.tsecr = f->tsecr;
	sp.client_acked = p->ack;
	sp.seen = now_ticks();
	sp.service = f->ep.service;
	sp.client_window = bpf_ntohs(window);
	sp.mss = f->agreed_mss;
	sp.flags = f->agreed;
	sp.client_wscale = f->agreed_wscale;
	sp.our_wscale = f->agreed_wscale == WSCALE_NONE ? WSCALE_NONE
							: f->ep.wscale;
	sp.server_wscale = WSCALE_NONE;
	return bpf_map_update_elem(&splices, &key, &sp, MAP_ANY) ? -1 : 0;
}

/* Finds a hold for @sp and makes it its own. */
static __always_inline struct hold *splice_claim(const struct settings *cfg,
						 struct splice *sp)
{
	__u32 hash = sp->client_isn ^ sp->cookie, now = now_ticks() | 1, i;

	for (i = 0; i < HOLD_TRIES && cfg->holds; i++) {
		__u32 index = (hash + i) % cfg->holds;
		struct hold *h = splice_hold_at(index);
		__u64 was;

		if (!h)
			return NULL;
		was = *(volatile __u64 *)&h->claim;
		if (!hold_is_free(was, now) ||
		    __sync_val_compare_and_swap(&h->claim, was,
						hold_claim(now, hash)) != was)
			continue;
		h->len = 0;
		h->fin = 0;
		sp->hold = index + 1;
		return h;
	}
	return NULL;
}

/* Copies @len bytes at offset @off of the packet behind what @h has. */
static __always_inline int splice_copy(struct xdp_md *ctx, struct hold *h,
				       __u32 off, __u32 len)
{
	__u32 at = h->len, n, i;

	for (i = 0; i < HOLD_BYTES / HOLD_CHUNK + 1 && len; i++) {
		n = len < HOLD_CHUNK ? len : HOLD_CHUNK;
		barrier_var(n);
		barrier_var(at);
		n = hold_chunk(n);
		if (at > HOLD_BYTES ||
		    bpf_xdp_load_bytes(ctx, off, h->data + at, n))
			return -1;
		at += n;
		off += n;
		len -= n;
	}
	barrier_var(at);
	if (len || at > HOLD_BYTES)
		return -1;
	/* checksums are computed over words */
	h->data[at] = h->data[at + 1] = h->data[at + 2] = 0;
	__sync_fetch_and_add(&h->len, at - h->len); /* a barrier, too */
	return 0;
}

/*
 * Holds the data of @f. Returns REASON_held, REASON_not_held, or REASON_NONE:
 * there are none, or they are held already.
 */
static __noinline int splice_hold(struct xdp_md *ctx, const struct flow *f,
				  struct splice *sp)
{
	const struct settings *cfg = get_settings();
	const struct packet *p = &f->pkt;
	__u32 len = p->l4_len - p->tcp_len, expected;
	struct hold *h = splice_hold_of(sp);
	bool fin = p->flags & FLAG_FIN;

	if (!cfg || (!len && !fin))
		return REASON_NONE;
	if (!h)
		h = splice_claim(cfg, sp);
	if (!h)
		return REASON_not_held;
	expected = sp->client_isn + 1 + h->len;
	if (seq_after(expected, p->seq) || (h->fin && p->seq == expected))
		return REASON_NONE; /* again */
	if (p->seq != expected || h->len + len > f->ep.window ||
	    h->len + len > HOLD_BYTES)
		return REASON_not_held;
	if (len && splice_copy(ctx, h, p->l4 + p->tcp_len, len))
		return REASON_not_held;
	h->fin = fin;
	return REASON_held;
}

/*
 * Makes the frame @more bytes longer, behind its Ethernet header and tags. What
 * is copied of the IP header is about to be written anew.
 */
static __noinline int splice_grow(struct xdp_md *ctx, __u32 more)
{
	__u8 head[L2_MAX];

	if (bpf_xdp_load_bytes(ctx, 0, head, sizeof(head)) ||
	    bpf_xdp_adjust_head(ctx, -(int)more))
		return -1;
	return bpf_xdp_store_bytes(ctx, 0, head, sizeof(head));
}

/* Makes the frame @want bytes long, at its end or its beginning. */
static __always_inline int splice_resize(struct xdp_md *ctx, __u32 want)
{
	__u32 have = bpf_xdp_get_buff_len(ctx);

	if (have > want)
		return bpf_xdp_adjust_tail(ctx, (int)want - (int)have);
	return have < want ? splice_grow(ctx, want - have) : 0;
}

/* Rewrites the packet into the SYN of @sp. Returns 0 or a reason. */
static __noinline int splice_syn(struct xdp_md *ctx, const struct flow *f,
				 const struct splice *sp)
{
	const struct packet *p = &f->pkt;
	struct answer a;
	__u8 ttl, tos;

	if (splice_ip_of(ctx, p, &ttl, &tos))
		return REASON_no_room;
	splice_syn_of(sp, &a);
	a.hop_limit = ttl;
	if (splice_resize(ctx, answer_len(p, a.words)))
		return REASON_no_room;
	return answer_write(ctx, p, &a, NULL);
}

/*
 * ACK @f carries a valid cookie: its connection begins. Returns the reason to
 * count. Like all below a global function, for the reasons of answer_syn().
 */
__noinline int splice_begin(struct xdp_md *ctx, struct flow *f)
{
	struct session *s;
	struct splice *sp;
	enum reason r;

	if (!f)
		return REASON_not_ready;
	if (f->slot < 0)
		f->slot = splice_insert(f);
	s = session_at(f->slot);
	if (!s) {
		splice_note_full();
		return REASON_splice_no_room;
	}
	session_flag(s, SESSION_SPLICED);
	if (splice_put(ctx, f)) {
		splice_note_full();
		session_feed(f->slot, 1 << INPUT_IDLE);
		return REASON_splice_no_room;
	}
	sp = splice_of(&f->pkt.tuple);
	if (!sp)
		return REASON_splice_no_room;
	splice_hold(ctx, f, sp);
	r = splice_syn(ctx, f, sp);
	return r ? r : REASON_spliced;
}

/* An ACK or FIN of a connection whose server may not have answered yet. */
__noinline int splice_again(struct xdp_md *ctx, struct flow *f)
{
	struct splice *sp;
	enum reason r;

	if (!f)
		return REASON_not_ready;
	sp = splice_of(&f->pkt.tuple);
	if (!sp || splice_state(sp) != SPLICE_OPENING)
		return REASON_session;
	if (f->pkt.fragment)
		return REASON_fragment;
	r = splice_hold(ctx, f, sp);
	if (splice_state(sp) != SPLICE_OPENING)
		return REASON_session; /* it may get there twice */
	if (r)
		return r;
	r = splice_syn(ctx, f, sp);
	return r ? r : REASON_spliced_again;
}

#endif
