/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: what a SYN-ACK says; write.bpf.h puts it into the
 * packet. It has only options that the SYN had, plus the MSS, so it is at most
 * four bytes longer than the SYN. If the driver has no tailroom for those four,
 * the MSS option is left out and the client assumes 536 (IPv6: 1220).
 */
#ifndef SYNKEEPER_ANSWER_BPF_H
#define SYNKEEPER_ANSWER_BPF_H

#include "cookie/keys.bpf.h"
#include "cookie/options.bpf.h"
#include "hand_over.bpf.h"
#include "owner/owner.bpf.h"
#include "wire/write.bpf.h"

/*
 * What the listener set for its SYN-ACKs: tcp_v4_send_synack() and
 * ip_select_ttl(), tcp_v6_send_synack() and ip6_xmit() of the kernel. The
 * lowest two bits of the TOS are ECN's, which is not negotiated yet.
 */
static __always_inline void answer_as_listener(const struct settings *cfg,
					       const struct flow *f,
					       struct answer *a)
{
	a->hop_limit = f->ep.hop_limit ? f->ep.hop_limit
		       : f->hop_limit  ? f->hop_limit
		       : f->pkt.v4     ? cfg->ttl
				       : cfg->hop_limit;
	a->tos = f->ep.tos;
	a->labelled = !!(cfg->flags & SETTING_FLOW_LABEL);
	if (cfg->flags & SETTING_REFLECT_TOS) {
		a->tos &= ECN_MASK;
		a->tos_kept = (__u8)~ECN_MASK;
	}
}

/*
 * Whole segments of @len bytes, of a buffer for @window bytes, as
 * tcp_select_initial_window() (net/ipv4/tcp_output.c) cuts it. @most: segments;
 * 0: no bound. The field holds no more than 65535: a SYN-ACK's window is not
 * scaled.
 */
static __always_inline __u16 answer_window(__u32 window, __u32 len, __u32 most)
{
	if (window > len)
		window -= window % len;
	if (most && window > most * len)
		window = most * len;
	return window > 0xffff ? 0xffff : window;
}

/*
 * Turns SYN @f into a SYN-ACK with cookie @c that offers @hs. @our_mss: from
 * the MTU of this interface. @tsval: the client's.
 */
static __always_inline enum reason
answer_syn_ack(struct xdp_md *ctx, const struct settings *cfg,
	       const struct flow *f, const struct handshake *hs,
	       const struct cookie *c, __u32 our_mss, __u32 tsval)
{
	const struct packet *p = &f->pkt;
	struct answer a = {};
	enum reason r;
	__u32 i;

	if (f->ep.mss && f->ep.mss < our_mss)
		our_mss = f->ep.mss;
	a.seq = c->isn;
	a.ack = p->seq + 1;
	a.flags = FLAG_SYN | FLAG_ACK | (hs->ecn ? FLAG_ECE : 0);
	a.window = answer_window(f->ep.window, our_mss - (hs->ts ? TS_LEN : 0),
				 f->initrwnd);
	if (f->ep.announced && f->ep.announced < our_mss)
		our_mss = f->ep.announced; /* rewritten by a firewall */
	answer_as_listener(cfg, f, &a);
	answer_options(hs, our_mss, f->ep.wscale, c->tsval, tsval, &a);
	if (answer_resize(ctx, p, answer_len(p, a.words))) {
		a.words--;
		for (i = 0; i < OPT_WORDS - 1; i++)
			a.opt[i] = a.opt[i + 1];
		if (answer_resize(ctx, p, answer_len(p, a.words)))
			return REASON_no_room;
	}
	r = answer_write(ctx, p, &a, f->hop);
	if (r)
		return r;
	return f->hop_unknown ? REASON_answered_back : REASON_answered;
}

/* Makes the cookie; false: there is no key. */
static __always_inline bool answer_cookie(const struct settings *cfg,
					  const struct flow *f,
					  const struct handshake *hs,
					  struct cookie *ret)
{
	struct siphash_key key;
	__u32 epoch;

	if (!keys_make(cfg, &key, &epoch))
		return false;
	cookie_make(&key, epoch, keys_promise(cfg, &f->ep, f->ep.wscale),
		    &f->pkt.tuple, f->pkt.seq, hs, ret);
	return true;
}

/*
 * Step 4: turns a SYN into its SYN-ACK, or returns why not, as hand_over(), and
 * leaves it alone. A global function: the verifier checks it once instead of
 * once per path that leads here.
 */
__noinline int answer_syn(struct xdp_md *ctx, const struct flow *f,
			  __u32 our_mss)
{
	struct settings *cfg = get_settings();
	struct handshake hs;
	struct cookie cookie;
	struct tcp_opts o;
	enum reason r;

	if (!cfg || !f)
		return REASON_not_ready;
	if (tcpopt_syn(ctx, span_of(ctx), &f->pkt, &o))
		return REASON_bad_header;
	r = hand_over_asked(f, &o);
	if (r)
		return r;
	owner_offer(ctx, cfg, f, &o, &hs);
	if (!cookie_can_hold(f->pkt.v4, hs.mss))
		return hand_over_small_mss();
	if (!answer_cookie(cfg, f, &hs, &cookie))
		return REASON_not_ready;
	return answer_syn_ack(ctx, cfg, f, &hs, &cookie, our_mss, o.tsval);
}

/*
 * The same with the owner's cookie. @source: enum source_kind, or 0. Fast Open
 * is not the owner's either while it makes cookies for all (tcp_conn_request()
 * in net/ipv4/tcp_input.c).
 */
__noinline int answer_syn_kernel(struct xdp_md *ctx, const struct flow *f,
				 __u32 our_mss, __u32 source)
{
	struct settings *cfg = get_settings();
	struct cookie cookie = {};
	struct handshake hs;
	struct tcp_opts o;
	enum reason r;

	if (!cfg || !f)
		return REASON_not_ready;
	if (tcpopt_syn(ctx, span_of(ctx), &f->pkt, &o))
		return REASON_bad_header;
	if (o.asks & OPTS_SIGNED)
		return hand_over_signed();
	owner_offer(ctx, cfg, f, &o, &hs);
	r = owner_cookie(ctx, f, source, &hs, &cookie);
	return r ? r
		 : answer_syn_ack(ctx, cfg, f, &hs, &cookie, our_mss, o.tsval);
}

#endif
