/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: tc's part of a spliced connection that is open. To the
 * server, on ingress, acknowledgements, SACK blocks and echoed timestamps
 * become the server's numbers; to the client, on egress, the sequence number
 * and the timestamp become ours. Windows are scaled anew if the two sides
 * agreed to different scales. Checksums are mended by what changed, which is
 * right for complete and partial ones alike; a GSO packet is one header.
 *
 * Both ways see the numbers of both ends, so the connection is followed to its
 * end without a socket to ask: what is out of window ends nothing (RFC 5961).
 */
#ifndef SYNKEEPER_SPLICE_TC_BPF_H
#define SYNKEEPER_SPLICE_TC_BPF_H

#include "splice.bpf.h"
#include "splice_icmp.bpf.h"
#include "splice_send.bpf.h"
#include "session/track_server.bpf.h"
#include "wire/parse.bpf.h"

enum {
	SPLICE_NOT_OURS = -2,	   /* no tc verdict: another's packet */
	TC_INDEX_SPLICED = 0x5350, /* was made here, is not translated */
	WORD_SACK = 0x01010500,	   /* NOP, NOP, SACK blocks of so many */
	WORD_NOPS = 0x01010101,
	FIN_WINDOW = 1 << 30,
};

/* The header before and after. */
struct splice_edit {
	__be32 was[SPLICE_WORDS];
	__be32 is[SPLICE_WORDS];
};

/* What is added to the numbers of a header, and how its window is shifted. */
struct splice_deltas {
	__u32 seq, ack;
	__u32 tsval, tsecr;
	__u8 from_scale, to_scale;
};

static __always_inline __be32 be32_add(__be32 be, __u32 n)
{
	return bpf_htonl(bpf_ntohl(be) + n);
}

/*
 * The options, as far as they are aligned as all common systems send them: what
 * follows anything else stays as it is.
 */
static __always_inline void splice_options(struct splice_edit *e, __u32 words,
					   const struct splice_deltas *d)
{
	__u32 left = 0, ts = 0, i;

#pragma unroll
	for (i = 5; i < TCP_WORDS; i++) {
		__u32 w = bpf_ntohl(e->was[i]);

		if (i >= words)
			break;
		if (ts == 2) {
			e->is[i] = be32_add(e->was[i], w ? d->tsval : 0);
			ts--;
		} else if (ts == 1) {
			e->is[i] = be32_add(e->was[i], w ? d->tsecr : 0);
			ts--;
		} else if (left) {
			e->is[i] = be32_add(e->was[i], d->ack);
			left--;
		} else if (w == WORD_NOP_TS) {
			ts = 2;
		} else if ((w & 0xffffff00) == WORD_SACK) {
			left = (w & 0xff) > 2 ? ((w & 0xff) - 2) / 4 : 0;
		} else if (w != WORD_NOPS) {
			break;
		}
	}
}

/* The scales of windows on their way to the server of @sp. */
static __always_inline void splice_scales(const struct splice *sp,
					  __u8 *ret_from, __u8 *ret_to)
{
	*ret_from = splice_scale(sp->client_wscale);
	*ret_to = sp->server_wscale == WSCALE_NONE ? 0 : *ret_from;
}

/* Translates the header of @p in place. Returns a tc verdict. */
static __noinline int splice_translate(struct __sk_buff *skb,
				       const struct packet *p,
				       const struct splice_deltas *d)
{
	__u32 len = p->tcp_len, l4 = p->l4, word;
	struct splice_edit e = {};
	__s64 diff;

	if (len < TCP_HDR_LEN || len > sizeof(e.was))
		return TCX_DROP;
	len = splice_len(len);
	if (bpf_skb_load_bytes(skb, l4, e.was, len))
		return TCX_DROP;
	__builtin_memcpy(e.is, e.was, sizeof(e.is));
	e.is[1] = be32_add(e.was[1], d->seq);
	if (p->flags & FLAG_ACK)
		e.is[2] = be32_add(e.was[2], d->ack);
	word = bpf_ntohl(e.was[3]);
	if (d->from_scale != d->to_scale)
		e.is[3] = bpf_htonl((word & 0xffff0000) |
				    splice_window(word & 0xffff, d->from_scale,
						  d->to_scale));
	splice_options(&e, len / 4, d);
	diff = bpf_csum_diff(e.was, sizeof(e.was), e.is, sizeof(e.is), 0);
	if (bpf_skb_store_bytes(skb, l4, e.is, len, 0) ||
	    bpf_l4_csum_replace(skb, l4 + TCP_CHECK_AT, 0, diff, 0))
		return TCX_DROP;
	return TCX_NEXT;
}

static __always_inline void splice_max(__u32 *at, __u32 n)
{
	if (seq_after(n, *at))
		*at = n;
}

/* The number behind a packet of @skb. Not l4_len: GSO packets are longer. */
static __always_inline __u32 splice_end(struct __sk_buff *skb,
					const struct packet *p)
{
	return p->seq + skb->len - p->l4 - p->tcp_len + !!(p->flags & FLAG_FIN);
}

/* Feeds what packet @p of the client's means for its session. */
static __noinline int splice_track_client(const struct packet *p,
					  struct splice *sp, __u32 end)
{
	const struct settings *cfg = get_settings();
	__u32 inputs = 0;
	struct session *s;
	int slot;

	if (!cfg)
		return 0;
	s = session_find(cfg, &p->tuple, &slot);
	if (!s || !session_is_live(s->live.state))
		return 0;
	if (p->flags & FLAG_RST) {
		if (p->seq == sp->server_acked)
			session_feed(slot, 1 << INPUT_GONE_RESET);
		return 0;
	}
	if (p->flags & FLAG_FIN && end - sp->server_acked < FIN_WINDOW &&
	    !seq_after(p->ack, sp->server_next)) {
		s->client_fin = end;
		inputs |= 1 << INPUT_CLIENT_FIN;
	}
	if (s->server_fin && p->ack == s->server_fin)
		inputs |= 1 << INPUT_SERVER_FIN_ACKED;
	return inputs ? session_feed(slot, inputs) : 0;
}

/* tc ingress: a packet of the client's. */
static __always_inline int splice_to_server(struct __sk_buff *skb,
					    const struct packet *p,
					    struct splice *sp)
{
	struct splice_deltas d = {
		.ack = sp->server_isn - sp->cookie,
		.tsecr = -sp->ts_offset,
	};
	__u32 end = splice_end(skb, p);

	splice_scales(sp, &d.from_scale, &d.to_scale);
	if (p->flags & FLAG_ACK && sp->server_next - p->ack < FIN_WINDOW)
		splice_max(&sp->client_acked, p->ack);
	if (p->flags & (FLAG_FIN | FLAG_RST))
		sp->flags |= SPLICE_ENDING;
	if (sp->flags & SPLICE_ENDING)
		splice_track_client(p, sp, end);
	return splice_translate(skb, p, &d);
}

/*
 * tc ingress. Returns a tc verdict, or SPLICE_NOT_OURS. A global function, to
 * keep its stack apart.
 */
__noinline int splice_ingress(struct __sk_buff *skb)
{
	struct packet p = {};
	struct splice *sp;

	if (skb->tc_index == TC_INDEX_SPLICED) {
		skb->tc_index = 0;
		return TCX_NEXT;
	}
	if (parse_tc(skb, &p)) {
		splice_icmp(skb);
		return SPLICE_NOT_OURS;
	}
	sp = splice_of(&p.tuple);
	if (!sp)
		return SPLICE_NOT_OURS;
	sp->seen = now_ticks();
	if (splice_state(sp) != SPLICE_OPEN || p.flags & FLAG_SYN)
		return TCX_NEXT; /* the SYN that XDP made; or untranslated */
	return splice_to_server(skb, &p, sp);
}

/* Feeds what packet @p of the server's, translated, means for its session. */
static __noinline int splice_track_server(const struct packet *p, __u32 end)
{
	const struct settings *cfg = get_settings();
	struct session *s;
	int slot;

	if (!cfg)
		return 0;
	s = session_find(cfg, &p->tuple, &slot);
	if (s)
		track_server(p, false, end, slot);
	return 0;
}

/* tc egress: a packet of the server's. @p: turned around. */
static __noinline int splice_to_client(struct __sk_buff *skb, struct packet *p,
				       struct splice *sp)
{
	struct splice_deltas d = {
		.seq = sp->cookie - sp->server_isn,
		.tsval = sp->ts_offset,
		.from_scale = splice_scale(sp->server_wscale),
		.to_scale = splice_scale(sp->our_wscale),
	};
	__u32 end;

	p->seq += d.seq;
	end = splice_end(skb, p);
	if (p->flags & FLAG_ACK)
		splice_max(&sp->server_acked, p->ack);
	splice_max(&sp->server_next, end);
	if (p->flags & (FLAG_FIN | FLAG_RST))
		sp->flags |= SPLICE_ENDING;
	if (sp->flags & SPLICE_ENDING)
		splice_track_server(p, end);
	return splice_translate(skb, p, &d);
}

#endif
