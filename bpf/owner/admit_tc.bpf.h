/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: step 5 at tc ingress. What XDP has marked becomes the
 * kernel's: its checksum is looked at, its listener gets the request, and only
 * then the session is booked as admitted. What the kernel does not take leaves
 * nothing behind, so nobody can fill the table, or have this host probe and
 * wait for him, with segments that no socket will ever see.
 */
#ifndef SYNKEEPER_ADMIT_TC_BPF_H
#define SYNKEEPER_ADMIT_TC_BPF_H

#include "path/ack.bpf.h"
#include "path/checksum.bpf.h"
#include "path/classify.bpf.h"
#include "path/parse.bpf.h"

extern int bpf_sk_assign_tcp_reqsk(struct __sk_buff *skb, struct sock *sk,
				   struct bpf_tcp_req_attrs *attrs,
				   int attrs__sz) __ksym __weak;

enum { VLAN_VID_MASK = 0xfff, KERNEL_EINVAL = 22 };

/*
 * For drivers without XDP metadata: what would have been marked. Returns the
 * mark's magic, or 0.
 */
static __always_inline __u32 admit_unmarked(struct __sk_buff *skb,
					    const struct settings *cfg,
					    const struct packet *p,
					    const struct session *s,
					    struct bpf_tcp_req_attrs *ret)
{
	struct handshake hs;
	struct tcp_opts o;

	if (!s || !session_has_cookie(s))
		return 0;
	if (s->live.flags & SESSION_KERNEL)
		return MARK_KERNEL;
	tcp_opts_init(&o);
	if (p->tcp_len > TCP_HDR_LEN && tcpopt_walk_skb(skb, p, &o))
		return 0;
	if (!check_cookie(p, &o, KEYS_LIVE, &hs))
		return 0;
	admit_attrs(cfg, &hs, &o, p->ep.wscale, ret);
	return MARK_MAGIC;
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
	if (sk->state == BPF_TCP_LISTEN) {
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
		session_feed(slot, 1 << SEE_IDLE);
}

/*
 * The kernel did not take it: its RST may go. Only a refusal of the listener's
 * is told; no memory is nobody's fault.
 */
static __always_inline void admit_failed(const struct packet *p,
					 struct session *s, int slot, int err)
{
	struct event *e = NULL;

	count(p->ep.service, err > 0 ? err : REASON_refused);
	if (err == -KERNEL_EINVAL &&
	    budget_take(BUDGET_REFUSED, REFUSED_PER_SECOND))
		e = report_begin(EVENT_REFUSED, p->ep.service, &p->tuple);
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

static __always_inline int admit(struct __sk_buff *skb)
{
	const struct settings *cfg = get_settings();
	struct bpf_tcp_req_attrs attrs;
	struct packet p = {};
	struct session *s;
	__u32 magic;
	int err, slot;

	if (!admit_can_assign()) /* loads all the same, for who loads all */
		return TCX_NEXT;
	if (!cfg || !(cfg->flags & SETTING_READY))
		return TCX_NEXT;
	magic = admit_marked(skb, &attrs);
	if (!magic && !(cfg->flags & SETTING_NO_META))
		return TCX_NEXT;
	if (magic == MARK_BEHIND)
		return admit_later(skb);
	admit_untag(skb);
	if (parse_skb(skb, &p) || classify(cfg, &p))
		return TCX_NEXT;
	s = session_find(cfg, &p.tuple, &slot);
	if (!magic)
		magic = admit_unmarked(skb, cfg, &p, s, &attrs);
	if (!magic)
		return TCX_NEXT;
	if (!checksum_is_right(skb, &p)) {
		count(p.ep.service, REASON_bad_checksum);
		admit_forget(s, slot);
		return TCX_DROP;
	}
	err = magic == MARK_KERNEL ? 0 : admit_assign(skb, &p, &attrs);
	if (err)
		admit_failed(&p, s, slot, err);
	else if (ip_header_is_plain(&p))
		session_feed(slot, 1 << SEE_ADMITTED);
	/* else: the kernel may object to an option; its socket will tell */
	return TCX_NEXT;
}

#endif
