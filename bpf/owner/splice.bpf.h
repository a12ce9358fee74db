/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: what both hooks need of spliced connections, see
 * synkeeper/splice.h: their entries, what servers offer, and holds. The path of
 * a connection:
 *
 *   splice_xdp.bpf.h	a valid ACK becomes the client's SYN; first data are
 *			held
 *   splice_open.bpf.h	tc egress: the server's SYN-ACK becomes the client's
 *			ACK, with the data behind it
 *   splice_tc.bpf.h	tc: packets of both ways are translated, and followed to
 *			the connection's end
 *   splice_icmp.bpf.h	tc ingress: so are ICMP errors about them
 */
#ifndef SYNKEEPER_SPLICE_BPF_H
#define SYNKEEPER_SPLICE_BPF_H

#include "flow.bpf.h"
#include "report/budget.bpf.h"
#include "socket.bpf.h"
#include "session/table.bpf.h"
#include "synkeeper/splice.h"
#include "synkeeper/tcpopt.h"
#include "wire/write.bpf.h"

enum { MAP_ANY = 0 /* BPF_ANY */ };

/*
 * The entry of @t, or NULL. Not inlined: the key would count in every call
 * chain, and must be on the stack for Linux 6.1.
 */
static __noinline struct splice *splice_of(const struct tuple *t)
{
	struct tuple key = *t;

	return bpf_map_lookup_elem(&splices, &key);
}

/* What the server of @t offered, or NULL. */
static __noinline struct server_offer *splice_offer_of(const struct tuple *t)
{
	struct endpoint_key key = { .port = t->server_port };

	__builtin_memcpy(key.addr, t->server, 16);
	return bpf_map_lookup_elem(&servers, &key);
}

static __always_inline struct hold *splice_hold_at(__u32 index)
{
	return bpf_map_lookup_elem(&holds, &index);
}

/* That of @sp, or NULL. */
static __always_inline struct hold *splice_hold_of(const struct splice *sp)
{
	return sp->hold ? splice_hold_at(sp->hold - 1) : NULL;
}

/* The state changes while others look: read and written once. */
static __always_inline enum splice_state splice_state(const struct splice *sp)
{
	return *(const volatile __u8 *)&sp->state;
}

static __always_inline void splice_set_state(struct splice *sp,
					     enum splice_state state)
{
	/* an atomic operation, for its barrier: publish what is before it */
	__sync_fetch_and_add(&sp->barrier, 1);
	*(volatile __u8 *)&sp->state = state;
}

static __always_inline __u8 splice_scale(__u8 wscale)
{
	return wscale == WSCALE_NONE ? 0 : wscale;
}

/* The window @raw, of @from_scale, as a field of @to_scale. */
static __always_inline __u16 splice_window(__u32 raw, __u8 from_scale,
					   __u8 to_scale)
{
	raw <<= from_scale & 15;
	raw >>= to_scale & 15;
	return raw > 0xffff ? 0xffff : raw;
}

/* The SYN that the client would have sent; all but its TTL. */
static __always_inline void splice_syn_of(const struct splice *sp,
					  struct answer *ret)
{
	struct handshake hs = {
		.wscale = sp->client_wscale,
		.sack = !!(sp->flags & SPLICE_OFFERED_SACK),
		.ts = !!(sp->flags & SPLICE_OFFERED_TS),
	};

	*ret = (struct answer){ .onward = 1,
				.seq = sp->client_isn,
				.flags = FLAG_SYN,
				.tos = sp->tos };
	ret->window = splice_window(sp->client_window,
				    splice_scale(sp->client_wscale), 0);
	answer_options(&hs, sp->mss, hs.wscale, sp->client_tsval, 0, ret);
}

/* May a SYN-ACK of ours agree to it? The offer is kept in the endpoint. */
static __always_inline void splice_agree(const struct flow *f,
					 const struct tcp_opts *o,
					 struct handshake *ret)
{
	ret->mss = o->mss ? o->mss : f->pkt.v4 ? MSS_DEFAULT4 : MSS_DEFAULT6;
	ret->wscale = f->ep.wscale == WSCALE_NONE ? WSCALE_NONE : o->wscale;
	ret->sack = o->sack && f->ep.flags & ENDPOINT_OFFERS_SACK;
	ret->ts = o->ts && f->ep.flags & ENDPOINT_OFFERS_TS;
	ret->ecn = 0;
}

/* Puts what the server of @f offers into the endpoint. Is it known? */
static __always_inline bool splice_take_offer(struct flow *f)
{
	const struct server_offer *o = splice_offer_of(&f->pkt.tuple);

	f->ep.wscale = o ? o->wscale : WSCALE_NONE;
	if (!o)
		return false;
	if (o->mss && (!f->ep.announced || o->mss < f->ep.announced))
		f->ep.announced = o->mss;
	if (o->flags & OFFER_SACK)
		f->ep.flags |= ENDPOINT_OFFERS_SACK;
	if (o->flags & OFFER_TS)
		f->ep.flags |= ENDPOINT_OFFERS_TS;
	return true;
}

/* There was no room for a connection just now: remembered for a second. */
static __always_inline void splice_note_full(void)
{
	__u32 kind = BUDGET_SPLICE_FULL;
	struct budget *b = bpf_map_lookup_elem(&budgets, &kind);

	if (b)
		b->second = bpf_ktime_get_coarse_ns() >> 30;
}

static __always_inline bool splice_was_full(void)
{
	__u32 kind = BUDGET_SPLICE_FULL;
	struct budget *b = bpf_map_lookup_elem(&budgets, &kind);

	return b && b->second && b->second == bpf_ktime_get_coarse_ns() >> 30;
}

#endif
