/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: step 2. Which service is the packet for? One read of the
 * ports array rules out nearly all other traffic and returns the wildcard
 * endpoint itself; the hash of exact endpoints is consulted only if the port
 * has any. On a forwarding host a wildcard covers only the host's own
 * addresses, which the daemon keeps in local_addrs.
 *
 * Also here: addresses that must not be answered (RFC 9293 MUST-57, MUST-63),
 * and frames that a promiscuous interface receives but the kernel discards.
 */
#ifndef SYNKEEPER_CLASSIFY_BPF_H
#define SYNKEEPER_CLASSIFY_BPF_H

#include "flow.bpf.h"
#include "maps.bpf.h"

/*
 * Not inlined: the 20 bytes of the key would count in every call chain of the
 * caller, which then exceeds 512 bytes of stack on Linux 6.1.
 */
static __noinline bool is_local(const struct packet *p)
{
	struct local_key key = { .prefixlen = 128 };

	__builtin_memcpy(key.addr, p->tuple.server, 16);
	return bpf_map_lookup_elem(&local_addrs, &key);
}

/* Exact before wildcard. Not inlined: see is_local(). */
static __noinline bool find_exact(struct flow *f)
{
	struct endpoint_key key = { .port = f->pkt.tuple.server_port };
	const struct endpoint *ep;

	__builtin_memcpy(key.addr, f->pkt.tuple.server, 16);
	ep = bpf_map_lookup_elem(&endpoints, &key);
	if (!ep)
		return false;
	f->ep = *ep;
	return true;
}

static __always_inline enum reason find_endpoint(const struct settings *cfg,
						 struct flow *f)
{
	__u32 index = bpf_ntohs(f->pkt.tuple.server_port);
	struct port_services *port = bpf_map_lookup_elem(&ports, &index);
	const struct endpoint *any;

	if (!port)
		return REASON_no_service;
	if (port->exact && find_exact(f))
		return REASON_NONE;
	any = f->pkt.v4 ? &port->any4 : &port->any6;
	if (any->mode == ENDPOINT_NONE)
		return REASON_no_service;
	if (cfg->flags & SETTING_FORWARDING &&
	    !(any->flags & ENDPOINT_BEHIND) && !is_local(&f->pkt))
		return REASON_no_service;
	f->ep = *any;
	return REASON_NONE;
}

static __always_inline enum reason classify(const struct settings *cfg,
					    struct flow *f)
{
	enum reason r = find_endpoint(cfg, f);

	if (cfg->flags & SETTING_DISARMED && f->ep.mode == ENDPOINT_ARMED)
		f->ep.mode = ENDPOINT_DISARMED;
	return r;
}

/* Does the service of @f evaluate packets (armed or monitoring)? */
static __always_inline bool is_evaluated(const struct flow *f)
{
	return f->ep.mode == ENDPOINT_ARMED || f->ep.mode == ENDPOINT_MONITOR;
}

static __always_inline bool bad_ipv4(__be32 be)
{
	__u32 addr = bpf_ntohl(be), net = addr >> 24;

	/* 0/8, 127/8, multicast, class E including the limited broadcast */
	return net == 0 || net == 127 || net >= 224;
}

static __always_inline bool bad_ipv6(const __be32 *a)
{
	/* multicast, ::, ::1, and v4-mapped on the wire (RFC 4942 2.2) */
	return (bpf_ntohl(a[0]) >> 24 == 0xff) ||
	       (!a[0] && !a[1] &&
		((!a[2] && bpf_ntohl(a[3]) <= 1) || a[2] == bpf_htonl(0xffff)));
}

static __always_inline bool same_ipv6(const __be32 *a, const __be32 *b)
{
	return a[3] == b[3] && a[2] == b[2] && a[1] == b[1] && a[0] == b[0];
}

/* May a handshake with these addresses be answered at all? */
static __always_inline bool answerable(const struct packet *p)
{
	const struct tuple *t = &p->tuple;

	if (p->v4)
		return !bad_ipv4(t->client[3]) && !bad_ipv4(t->server[3]) &&
		       t->client[3] != t->server[3]; /* LAND */
	return !bad_ipv6(t->client) && !bad_ipv6(t->server) &&
	       !same_ipv6(t->client, t->server);
}

/* The daemon's entry for @ifindex; NULL if it does not manage it. */
static __always_inline const struct iface *get_iface(__u32 ifindex)
{
	__u32 i;

	for (i = 0; i < IFACE_TRIES; i++) {
		__u32 slot = (ifindex + i) % IFACES_MAX;
		const struct iface *iface = bpf_map_lookup_elem(&ifaces, &slot);

		if (iface && iface->ifindex == ifindex)
			return iface;
	}
	return 0;
}

/* The entry of device @ifindex if it stands on @lower; NULL. */
static __always_inline const struct iface *
get_iface_on(const struct iface *lower, __u32 ifindex)
{
	const struct iface *upper = get_iface(ifindex);

	return upper && upper->lower == lower->device ? upper : 0;
}

static __always_inline bool same_mac(const __u8 *a, const __u8 *b)
{
	const __u16 *x = (const void *)a, *y = (const void *)b;

	return x[0] == y[0] && x[1] == y[1] && x[2] == y[2];
}

#endif
