/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: a spliced connection whose server answers. Its SYN-ACK
 * tells what the translation needs, and what the next SYN-ACK of ours may
 * offer. It goes no further: it becomes the ACK that the client owes, and with
 * it the client's first data are sent on, in segments that the server takes.
 * A server that refuses sends a RST, which is the client's as well. One that
 * still has an old connection of the tuple answers with a challenge ACK (RFC
 * 5961 section 4): it gets the RST that the client would send, and the SYN
 * again.
 */
#ifndef SYNKEEPER_SPLICE_OPEN_BPF_H
#define SYNKEEPER_SPLICE_OPEN_BPF_H

#include "cookie/options.bpf.h"
#include "splice_tc.bpf.h"

enum {
	EMIT_MOST = 1440, /* of a segment; a multiple of 4 */
	EMIT_LEAST = 88,  /* net.ipv4.tcp_min_snd_mss, with timestamps */
	EMIT_CHUNK = 512, /* of bpf_csum_diff() */
};

/* ---- the client's first data ---- */

struct splice_emit {
	struct __sk_buff *skb;
	const struct packet *p;
	const struct hold *hold;
	__u32 seq; /* of the first byte */
	__u32 at;  /* sent so far */
	__u32 len, fin;
	__u32 most; /* bytes of a segment */
	__u32 end;  /* of the TCP header, in the frame */
	__u32 sum;  /* of the data in the frame now */
	__u32 had;  /* their length */
	__u8 tos;
};

/* The sum of @n bytes of @h at @at; beyond the last one are zeros. */
static __noinline __u32 splice_sum(const struct hold *h, __u32 at, __u32 n)
{
	__s64 sum = 0;
	__u32 left = (n + 3) & ~3U, i;

	for (i = 0; i < EMIT_MOST / EMIT_CHUNK + 1 && left; i++) {
		__u32 chunk = left < EMIT_CHUNK ? left : EMIT_CHUNK;

		barrier_var(at);
		barrier_var(chunk);
		if (at > HOLD_BYTES || chunk < 4 || chunk > EMIT_CHUNK)
			return sum;
		sum = bpf_csum_diff(NULL, 0, (__be32 *)(h->data + at), chunk,
				    sum);
		at += chunk;
		left -= chunk;
	}
	return sum;
}

/* Mends checksum and lengths: the segment has @n bytes from @seq on now. */
static __always_inline int splice_emit_sums(struct splice_emit *e, __u32 seq,
					    __u32 n, bool last)
{
	const struct packet *p = e->p;
	__u32 check = p->l4 + TCP_CHECK_AT, hdr = e->end - p->l4;
	__u32 sum = splice_sum(e->hold, e->at, n);
	__be32 was[2], is[2];

	if (bpf_skb_load_bytes(e->skb, p->l4 + 4, &was[0], 4) ||
	    bpf_skb_load_bytes(e->skb, p->l4 + 12, &was[1], 4))
		return -1;
	is[0] = bpf_htonl(seq);
	is[1] = was[1] & ~bpf_htonl((FLAG_PSH | FLAG_FIN) << 16);
	if (last)
		is[1] |= bpf_htonl((FLAG_PSH | (e->fin ? FLAG_FIN : 0)) << 16);
	if (bpf_skb_store_bytes(e->skb, p->l4 + 4, &is[0], 4, 0) ||
	    bpf_skb_store_bytes(e->skb, p->l4 + 12, &is[1], 4, 0) ||
	    bpf_l4_csum_replace(e->skb, check, 0, ~e->sum, 0) ||
	    bpf_l4_csum_replace(e->skb, check, 0, sum, 0) ||
	    bpf_l4_csum_replace(e->skb, check, was[0], is[0], 4) ||
	    bpf_l4_csum_replace(e->skb, check, was[1], is[1], 4) ||
	    bpf_l4_csum_replace(e->skb, check, bpf_htons((__u16)(hdr + e->had)),
				bpf_htons((__u16)(hdr + n)), PSEUDO_LEN))
		return -1;
	e->sum = sum;
	e->had = n;
	return splice_put_ip(e->skb, p, hdr + n, e->tos);
}

/* Sends one segment on. Returns 1 at the end. */
static long splice_emit_one(__u32 i, void *data)
{
	struct splice_emit *e = data;
	__u32 n = e->len - e->at, at = e->at;
	bool last = n <= e->most;

	(void)i;
	if (!last)
		n = e->most;
	if (bpf_skb_change_tail(e->skb, e->end + n, 0))
		return 1;
	barrier_var(at);
	if (at > HOLD_BYTES)
		return 1;
	if (n && bpf_skb_store_bytes(e->skb, e->end, e->hold->data + at,
				     hold_chunk(n), 0))
		return 1;
	if (splice_emit_sums(e, e->seq + at, n, last) ||
	    bpf_clone_redirect(e->skb, e->skb->ifindex, REDIRECT_INGRESS))
		return 1;
	e->at = at + n;
	return last;
}

/* Sends what @sp's hold has behind the ACK that is in @skb, and gives it up. */
static __noinline int splice_emit(struct __sk_buff *skb, const struct packet *p,
				  struct splice *sp)
{
	struct hold *h = splice_hold_of(sp);
	struct splice_emit e = {
		.skb = skb,
		.p = p,
		.seq = sp->client_isn + 1,
		.most = sp->server_mss,
		.end = skb->len,
		.tos = sp->tos,
	};
	__u32 hash = sp->client_isn ^ sp->cookie;

	if (!h || (__u32)h->claim != hash)
		return 0;
	e.hold = h;
	e.len = *(volatile __u32 *)&h->len;
	e.fin = h->fin;
	if (sp->flags & SPLICE_TS && e.most > TS_LEN)
		e.most -= TS_LEN;
	e.most &= ~3U;
	if (e.most > EMIT_MOST)
		e.most = EMIT_MOST;
	if (e.most < EMIT_LEAST)
		e.most = EMIT_LEAST;
	if (e.len > HOLD_BYTES)
		e.len = HOLD_BYTES;
	if (e.len || e.fin)
		bpf_loop(HOLD_BYTES / EMIT_LEAST + 1, splice_emit_one, &e, 0);
	sp->hold = 0;
	*(volatile __u64 *)&h->claim = 0;
	return 0;
}

/* ---- the SYN-ACK ---- */

/* Remembers what the server of @t offers. */
static __noinline int splice_learn(const struct tuple *t,
				   const struct tcp_opts *o)
{
	struct endpoint_key key = { .port = t->server_port };
	struct server_offer offer = { .mss = o->mss, .wscale = o->wscale };

	__builtin_memcpy(key.addr, t->server, 16);
	offer.flags = (o->sack ? OFFER_SACK : 0) | (o->ts ? OFFER_TS : 0);
	return bpf_map_update_elem(&servers, &key, &offer, MAP_ANY);
}

/* The same of SYN-ACK @p, to a client's own SYN. */
static __noinline int splice_look(struct __sk_buff *skb, const struct packet *p)
{
	struct tcp_opts o;

	tcp_opts_init(&o);
	if (p->tcp_len > TCP_HDR_LEN && tcpopt_walk_skb(skb, p, &o))
		return -1;
	return splice_learn(&p->tuple, &o);
}

/* Enters what SYN-ACK @p with options @o says into @sp. */
static __always_inline void
splice_fill(struct splice *sp, const struct packet *p, const struct tcp_opts *o)
{
	__u8 flags = sp->flags;

	sp->server_isn = p->seq;
	sp->server_mss = o->mss ? o->mss : p->v4 ? MSS_DEFAULT4 : MSS_DEFAULT6;
	sp->server_wscale = sp->client_wscale == WSCALE_NONE ? WSCALE_NONE
							     : o->wscale;
	if (o->ts && flags & SPLICE_OFFERED_TS) {
		sp->ts_offset = sp->tsecr - o->tsval;
		flags |= SPLICE_TS;
	}
	sp->flags = flags;
	sp->server_acked = p->ack;
	sp->server_next = sp->cookie + 1;
	splice_set_state(sp, SPLICE_OPEN);
}

/* The session of @p is open. Another CPU may have made room of its entry. */
static __noinline int splice_opened(const struct packet *p, __u16 service)
{
	const __u32 inputs = 1 << INPUT_ADMITTED | 1 << INPUT_SOCKET;
	const struct settings *cfg = get_settings();
	struct session_new n = { .inputs = inputs, .service = service };
	struct session *s;
	int slot;

	if (!cfg)
		return 0;
	session_find(cfg, &p->tuple, &slot);
	if (slot >= 0) {
		session_feed(slot, inputs);
		return 0;
	}
	n.tuple = p->tuple;
	s = session_at(session_insert(&n));
	if (s)
		session_flag(s, SESSION_SPLICED);
	return 0;
}

/* Makes SYN-ACK @p the ACK that the client owes, and sends that on. */
static __noinline int splice_acknowledge(struct __sk_buff *skb,
					 const struct packet *p,
					 const struct splice *sp, __u32 tsval)
{
	struct answer ack = {
		.onward = 1,
		.seq = sp->client_isn + 1,
		.ack = sp->server_isn + 1,
		.flags = FLAG_ACK,
		.tos = sp->tos,
	};
	__u8 from, to;

	splice_scales(sp, &from, &to);
	ack.window = splice_window(sp->client_window, from, to);
	if (sp->flags & SPLICE_TS) {
		ack.words = 3;
		ack.opt[0] = bpf_htonl(WORD_NOP_TS);
		ack.opt[1] = bpf_htonl(sp->client_tsval);
		ack.opt[2] = bpf_htonl(tsval);
	}
	if (splice_rewrite(skb, p, &ack))
		return -1;
	skb->tc_index = TC_INDEX_SPLICED;
	return bpf_clone_redirect(skb, skb->ifindex, REDIRECT_INGRESS);
}

/*
 * SYN-ACK @p of the server's. @again: the ACK was lost, and the server has sent
 * it once more. Returns a tc verdict.
 */
static __noinline int splice_on_syn_ack(struct __sk_buff *skb,
					const struct packet *p,
					struct splice *sp, bool again)
{
	struct tcp_opts o;

	tcp_opts_init(&o);
	if (p->tcp_len > TCP_HDR_LEN)
		tcpopt_walk_skb(skb, p, &o);
	if (!again) {
		splice_fill(sp, p, &o);
		splice_learn(&p->tuple, &o);
		splice_opened(p, sp->service);
	}
	count(sp->service, REASON_splice_open);
	if (!splice_acknowledge(skb, p, sp, o.tsval) && !again)
		splice_emit(skb, p, sp);
	return TCX_DROP;
}

/* ---- refusals ---- */

/* RST @p of the server's, before the connection was open. */
static __noinline int splice_on_refusal(struct __sk_buff *skb, struct packet *p,
					struct splice *sp)
{
	struct splice_deltas d = { .seq = sp->cookie + 1 - p->seq };

	splice_set_state(sp, SPLICE_REFUSED);
	count(sp->service, REASON_splice_refused);
	splice_track_server(p, 0);
	return splice_translate(skb, p, &d);
}

/* Challenge ACK @p: the server has an old connection of the tuple. */
static __noinline int splice_on_challenge(struct __sk_buff *skb,
					  const struct packet *p,
					  const struct splice *sp)
{
	struct answer seg = {
		.onward = 1, .seq = p->ack, .flags = FLAG_RST, .tos = sp->tos
	};

	if (splice_rewrite(skb, p, &seg))
		return TCX_DROP;
	skb->tc_index = TC_INDEX_SPLICED;
	if (bpf_clone_redirect(skb, skb->ifindex, REDIRECT_INGRESS))
		return TCX_DROP;
	splice_syn_of(sp, &seg);
	if (splice_turn_macs(skb) || splice_rewrite(skb, p, &seg))
		return TCX_DROP;
	bpf_clone_redirect(skb, skb->ifindex, REDIRECT_INGRESS);
	return TCX_DROP;
}

/* What the daemon sends to end the connection: to the server, to the client. */
static __noinline int splice_on_kill(struct __sk_buff *skb,
				     const struct packet *p,
				     const struct splice *sp)
{
	struct answer rst = {
		.onward = 1,
		.seq = sp->server_acked ? sp->server_acked : sp->client_isn + 1,
		.flags = FLAG_RST,
		.tos = sp->tos,
	};

	if (p->flags & FLAG_ACK)
		return TCX_NEXT; /* the client's: its numbers are in it */
	if (splice_rewrite(skb, p, &rst))
		return TCX_DROP;
	skb->tc_index = TC_INDEX_SPLICED;
	return bpf_redirect(skb->ifindex, REDIRECT_INGRESS);
}

/* ---- all packets of the server's ---- */

static __always_inline int splice_by_state(struct __sk_buff *skb,
					   struct packet *p, struct splice *sp)
{
	bool syn_ack = (p->flags & (FLAG_SYN | FLAG_ACK)) ==
			       (FLAG_SYN | FLAG_ACK) &&
		       p->ack == sp->client_isn + 1;

	if (p->flags & FLAG_RST && sp->flags & SPLICE_KILL)
		return splice_on_kill(skb, p, sp);
	switch (splice_state(sp)) {
	case SPLICE_OPENING:
		if (syn_ack)
			return splice_on_syn_ack(skb, p, sp, false);
		if (p->flags & FLAG_RST)
			return splice_on_refusal(skb, p, sp);
		return p->flags & FLAG_SYN ? TCX_NEXT
					   : splice_on_challenge(skb, p, sp);
	case SPLICE_OPEN:
		if (!(p->flags & FLAG_SYN))
			return splice_to_client(skb, p, sp);
		if (syn_ack && p->seq == sp->server_isn)
			return splice_on_syn_ack(skb, p, sp, true);
		/* it took the client's own SYN: nothing to translate */
		splice_set_state(sp, SPLICE_PLAIN);
		return TCX_NEXT;
	default:
		return SPLICE_NOT_OURS;
	}
}

/* tc egress. Returns a tc verdict, or SPLICE_NOT_OURS. */
__noinline int splice_egress(struct __sk_buff *skb)
{
	struct packet p = {};
	struct splice *sp;

	if (parse_tc(skb, &p))
		return SPLICE_NOT_OURS;
	turn_around(&p);
	sp = splice_of(&p.tuple);
	if (!sp)
		return SPLICE_NOT_OURS;
	sp->seen = now_ticks();
	return splice_by_state(skb, &p, sp);
}

#endif
