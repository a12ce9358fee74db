/* SPDX-License-Identifier: GPL-2.0-only */
#include <bpf/bpf.h>
#include <string.h>

#include "endpoint.h"
#include "kernel/syncookies.h"

/* What was learned from clients, where the host gives no answer. */
static enum service_cookies_why learned(const struct endpoints *e,
					const struct service *svc,
					const struct place *at)
{
	/* not worth it if it needs tcp_syncookies=2 and that cannot be set */
	if (nat_reached(e->nat, svc->id) && !e->may_raise &&
	    e->net.cookies < SYNCOOKIES_KERNEL)
		return COOKIES_AS_EVER;
	switch (nat_found(e->nat, svc->id, at->v4)) {
	case NAT_NOTHING:
		return COOKIES_AS_EVER;
	case NAT_REFUSED:
		return COOKIES_REFUSED;
	default:
		return COOKIES_SOCKET_LOST;
	}
}

/* Why sockets from XDP do not last there; COOKIES_AS_EVER: they do. */
static enum service_cookies_why cannot_assign(const struct endpoints *e,
					      const struct service *svc,
					      const struct place *at)
{
	if (!e->can_assign)
		return COOKIES_OLD_KERNEL;
	if (at->sk && at->sk->mptcp)
		return COOKIES_MPTCP;
	if (at->fate == NF_LOSES || at->fate == NF_ELSEWHERE)
		return COOKIES_NAT;
	return learned(e, svc, at);
}

/* An earlier instance had a reason that cannot be read from the host. */
static void inherit(const struct endpoints *e, const struct service *svc,
		    const struct place *at)
{
	if (e->inherited && at->sk && at->had && at->had->service == svc->id &&
	    at->had->cookies == COOKIES_KERNEL &&
	    svc->cookies == COOKIES_BY_AUTO && !svc->drain_until_ns &&
	    cannot_assign(e, svc, at) == COOKIES_AS_EVER)
		nat_inherit(e->nat, svc->id, at->v4);
}

static enum cookie_backend backend_of(const struct endpoints *e,
				      const struct service *svc,
				      const struct place *at,
				      enum service_cookies_why *ret_why)
{
	enum service_cookies_why why = cannot_assign(e, svc, at);

	if (svc->cookies == COOKIES_BY_OWN)
		*ret_why = why == COOKIES_NAT ? COOKIES_TOLD_OWN_NAT
					      : COOKIES_AS_TOLD;
	else if (svc->cookies == COOKIES_BY_KERNEL)
		*ret_why = COOKIES_AS_TOLD;
	else
		*ret_why = why;
	if (svc->cookies == COOKIES_BY_OWN || *ret_why == COOKIES_AS_EVER)
		return COOKIES_OWN;
	return COOKIES_KERNEL;
}

/*
 * Own cookies that would not be honoured are not sent. An operator who asks for
 * them despite NAT may know of an exemption that is not visible here; and what
 * was learned from clients does not disarm an endpoint that ever served one.
 */
static enum service_why why_no_own(const struct endpoints *e,
				   const struct service *svc,
				   const struct place *at)
{
	enum service_cookies_why why = cannot_assign(e, svc, at);

	if (why == COOKIES_OLD_KERNEL)
		return WHY_OLD_KERNEL;
	if (why == COOKIES_MPTCP)
		return WHY_MPTCP;
	if (nat_reached(e->nat, svc->id))
		return WHY_ARMED;
	if (why == COOKIES_REFUSED)
		return WHY_REFUSED;
	return why == COOKIES_SOCKET_LOST ? WHY_ELSEWHERE : WHY_ARMED;
}

/* Is no cookie honoured there, neither own nor kernel's? */
static bool is_elsewhere(const struct endpoints *e, const struct service *svc,
			 const struct place *at)
{
	return at->fate == NF_ELSEWHERE ||
	       (nat_found(e->nat, svc->id, at->v4) == NAT_REDIRECTED &&
		!nat_reached(e->nat, svc->id));
}

/* Why it cannot be answered there at all; WHY_ARMED: it can. */
static enum service_why why_not(const struct endpoints *e,
				const struct service *svc,
				const struct place *at,
				enum cookie_backend cookies)
{
	if (svc->drain_until_ns)
		return WHY_DRAINING;
	if (svc->policy == POLICY_OFF)
		return WHY_OFF;
	if (!at->sk)
		return WHY_NO_LISTENER;
	if (at->sk->md5) /* a client drops an unsigned SYN-ACK */
		return WHY_SIGNED;
	if (is_elsewhere(e, svc, at))
		return WHY_ELSEWHERE;
	/* the proxy's socket takes the place of the one that tc assigns */
	if (nat_proxied(e->nat, at->v4, at->addr, at->port))
		return WHY_TPROXY;
	return cookies == COOKIES_OWN ? why_no_own(e, svc, at) : WHY_ARMED;
}

static enum service_why why_of(struct endpoints *e, const struct service *svc,
			       const struct place *at,
			       enum cookie_backend cookies)
{
	int need = cookies == COOKIES_OWN ? SYNCOOKIES_OWN : SYNCOOKIES_KERNEL;
	enum service_why why = why_not(e, svc, at, cookies);

	if (why != WHY_ARMED)
		return why;
	if (svc->policy == POLICY_MONITOR)
		return WHY_MONITOR;
	if (e->net.cookies < need && !e->may_raise)
		return WHY_NO_COOKIES;
	if (service_is_auto(svc) && !svc->arming.armed)
		return svc->policy == POLICY_AUTO ? WHY_CALM : WHY_YIELDING;
	if (e->need < need)
		e->need = need;
	return WHY_ARMED;
}

static enum endpoint_mode mode_of(enum service_why why)
{
	switch (why) {
	case WHY_ARMED:
		return ENDPOINT_ARMED;
	case WHY_MONITOR:
		return ENDPOINT_MONITOR;
	case WHY_OFF:
	case WHY_DRAINING:
		return ENDPOINT_OFF;
	default:
		return ENDPOINT_DISARMED;
	}
}

/* For `service list`: of all its listeners. */
static void note_learned(struct service *svc, const struct owner_socket *sk)
{
	if (svc->has_listener)
		listeners_join(&svc->learned, &sk->settings);
	else
		svc->learned = sk->settings;
	svc->has_listener = true;
}

/* The host's window where no listener is found: one may be back any moment. */
static struct netconf_window window_of(const struct netconf *net,
				       const struct owner_socket *sk)
{
	if (!sk)
		return netconf_window(net, net->rcvbuf, false, 0);
	return netconf_window(net, sk->rcvbuf ? sk->rcvbuf : net->rcvbuf,
			      sk->settings.rcvbuf_locked,
			      sk->settings.window_clamp);
}

/* What the listener was told about its SYN-ACKs and connections. */
static void take_settings(const struct place *at, struct endpoint *ret)
{
	const struct listener_settings *s = &at->sk->settings;

	ret->mss = s->mss;
	ret->hop_limit = at->v4 ? s->ttl : s->hop_limit;
	ret->tos = at->v4 ? s->tos : s->tclass;
	ret->flags |= s->defer ? ENDPOINT_DEFER : 0;
	ret->flags |= s->needs_ecn ? ENDPOINT_NEEDS_ECN : 0;
	ret->flags |= s->fast_open ? ENDPOINT_FASTOPEN : 0;
	ret->flags |= s->window_clamp ? ENDPOINT_CLAMPED : 0;
}

/* What the firewall would make of the kernel's SYN-ACK. */
static void take_rewrite(const struct nf_rewrite *r, struct endpoint *ret)
{
	ret->announced = r->mss;
	ret->tos = (ret->tos & ~r->tos_mask) | r->tos;
}

/* Why a spliced endpoint is not armed; its server need not be on this host. */
static enum service_why why_spliced(const struct service *svc,
				    const struct place *at)
{
	if (svc->drain_until_ns)
		return WHY_DRAINING;
	if (svc->policy == POLICY_OFF)
		return WHY_OFF;
	if (at->sk && at->sk->md5)
		return WHY_SIGNED;
	if (svc->policy == POLICY_MONITOR)
		return WHY_MONITOR;
	if (service_is_auto(svc) && !svc->arming.armed)
		return svc->policy == POLICY_AUTO ? WHY_CALM : WHY_YIELDING;
	return WHY_ARMED;
}

/*
 * What a SYN-ACK offers comes from the server's own (synkeeper/splice.h); its
 * window is what can be held.
 */
static struct endpoint spliced(struct endpoints *e, struct service *svc,
			       const struct place *at, enum service_why *why)
{
	struct endpoint ep = {
		.service = svc->id,
		.window = e->hold,
		.cookies = COOKIES_OWN,
		.flags = ENDPOINT_SPLICE | (at->sk ? 0 : ENDPOINT_BEHIND),
	};

	*why = why_spliced(svc, at);
	ep.mode = mode_of(*why);
	svc->backends |= 1 << COOKIES_OWN;
	svc->owners |= 2;
	e->splices = true;
	if (at->sk)
		note_learned(svc, at->sk);
	take_rewrite(&svc->rewrites.by_v4[at->v4], &ep);
	return ep;
}

/* An address that this host forwards to: no listener here gets its SYNs. */
static bool is_forwarded(const struct endpoints *e, const struct place *at)
{
	struct local_key key = { .prefixlen = 128 };
	__u32 value;

	if (!at->addr || at->sk || !(e->net.offer & SETTING_FORWARDING))
		return false;
	memcpy(key.addr, at->addr, sizeof(key.addr));
	return bpf_map_lookup_elem(e->local_fd, &key, &value) != 0;
}

/* Who has the connections of the endpoint? */
static bool is_spliced(const struct endpoints *e, struct service *svc,
		       const struct place *at)
{
	enum service_owner_why why = OWNER_SOCKET;

	if (!e->can_splice || svc->owner == OWNER_BY_SOCKET)
		return false;
	if (svc->owner == OWNER_BY_SPLICE)
		why = OWNER_AS_TOLD;
	else if (at->fate == NF_ELSEWHERE)
		why = OWNER_PUBLISHED;
	else if (is_forwarded(e, at))
		why = OWNER_FORWARDED;
	if (why > svc->owner_why)
		svc->owner_why = why;
	return why != OWNER_SOCKET;
}

struct endpoint endpoint_of(struct endpoints *e, struct service *svc,
			    struct place *at, enum service_why *why)
{
	struct netconf_window window = window_of(&e->net, at->sk);
	struct endpoint ep;
	enum service_cookies_why cookies_why;
	enum cookie_backend cookies;

	at->fate = nat_at(e->nat, at->v4, at->addr, at->port);
	if (is_spliced(e, svc, at))
		return spliced(e, svc, at, why);
	svc->owners |= 1;
	inherit(e, svc, at);
	cookies = backend_of(e, svc, at, &cookies_why);
	if (at->sk)
		svc->backends |= 1 << cookies;
	/* without a listener for the family, only reasons that hold anywhere */
	if ((at->sk || cookies_why <= COOKIES_OLD_KERNEL) &&
	    cookies_why > svc->cookies_why)
		svc->cookies_why = cookies_why;
	*why = why_of(e, svc, at, cookies);
	ep = (struct endpoint){
		.service = svc->id,
		.mode = mode_of(*why),
		.wscale = window.scale,
		.window = window.bytes,
		.cookies = cookies,
	};
	if (at->sk) {
		note_learned(svc, at->sk);
		take_settings(at, &ep);
		take_rewrite(&svc->rewrites.by_v4[at->v4], &ep);
	}
	svc->said[at->v4].scale = ep.wscale;
	svc->said[at->v4].mss = ep.mss;
	return ep;
}
