/* SPDX-License-Identifier: GPL-2.0-only */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "listeners.h"
#include "log.h"

/* By port, then by age. */
static int by_port(const void *a, const void *b)
{
	const struct owner_socket *x = a, *y = b;
	int diff = memcmp(&x->tuple.server_port, &y->tuple.server_port, 2);

	if (diff)
		return diff;
	return x->cookie < y->cookie ? -1 : x->cookie > y->cookie;
}

struct collect {
	struct owner_socket *sockets;
	size_t n, room;
	bool failed;
	__u32 only; /* interface */
};

static void collect_one(const struct owner_socket *sk, void *data)
{
	struct collect *c = data;

	void *grown = array_grow(c->sockets, c->n, &c->room, sizeof(*sk));

	if (!grown) {
		c->failed = true;
		return;
	}
	c->sockets = grown;
	c->sockets[c->n] = *sk;
	if (sk->ifindex == c->only)
		c->sockets[c->n].ifindex = 0; /* excludes nobody */
	c->n++;
}

/* A socket's address does not change; what it was told may. */
static bool same_listeners(const struct listeners *l, const struct collect *c)
{
	size_t i;

	for (i = 0; i < l->n && i < c->n; i++)
		if (l->sockets[i].cookie != c->sockets[i].cookie ||
		    l->sockets[i].mptcp != c->sockets[i].mptcp ||
		    l->sockets[i].rcvbuf != c->sockets[i].rcvbuf ||
		    l->sockets[i].ifindex != c->sockets[i].ifindex ||
		    l->sockets[i].md5 != c->sockets[i].md5 ||
		    memcmp(&l->sockets[i].settings, &c->sockets[i].settings,
			   sizeof(l->sockets[i].settings)))
			return false;
	return l->n == c->n;
}

int listeners_read(struct listeners *l, struct owner *owner, int only,
		   bool *ret_changed)
{
	struct collect c = { .only = only };
	int err = owner_each_listener(owner, collect_one, &c);

	if (!err && c.failed)
		err = -ENOMEM;
	if (err) {
		log_err("cannot list the listeners: %s", strerror(-err));
		free(c.sockets);
		return err;
	}
	if (c.n)
		qsort(c.sockets, c.n, sizeof(*c.sockets), by_port);
	if (!same_listeners(l, &c))
		*ret_changed = true;
	free(l->sockets);
	*l = (struct listeners){ c.sockets, c.n };
	return 0;
}

void listeners_free(struct listeners *l)
{
	free(l->sockets);
	*l = (struct listeners){};
}

static bool is_any(const __be32 addr[4])
{
	/* 0.0.0.0 is v4-mapped */
	return !addr[0] && !addr[1] && !addr[3] &&
	       (!addr[2] || addr[2] == htobe32(0xffff));
}

const struct owner_socket *listeners_first(const struct listeners *l,
					   __be16 port)
{
	size_t low = 0, high = l->n;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (memcmp(&l->sockets[mid].tuple.server_port, &port, 2) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	/* without listeners there is no array to point into */
	return l->n ? l->sockets + low : NULL;
}

bool listener_is_exact(const struct owner_socket *sk)
{
	return !is_any(sk->tuple.server) && !sk->ifindex;
}

/* The hop limit that reaches whoever either one reaches; 0: the host's. */
static __u8 farther(__u8 a, __u8 b)
{
	enum { USUAL = 64 };

	return (a ? a : USUAL) >= (b ? b : USUAL) ? a : b;
}

void listeners_join(struct listener_settings *group,
		    const struct listener_settings *one)
{
	if (one->mss && (!group->mss || one->mss < group->mss))
		group->mss = one->mss;
	group->ttl = farther(group->ttl, one->ttl);
	group->hop_limit = farther(group->hop_limit, one->hop_limit);
	if (!group->tos)
		group->tos = one->tos;
	if (!group->tclass)
		group->tclass = one->tclass;
	if (one->min_ttl > group->min_ttl)
		group->min_ttl = one->min_ttl;
	if (one->min_hop_limit > group->min_hop_limit)
		group->min_hop_limit = one->min_hop_limit;
	if (one->defer < group->defer)
		group->defer = one->defer;
	group->rcvbuf_locked &= one->rcvbuf_locked;
	if (one->window_clamp &&
	    (!group->window_clamp || one->window_clamp < group->window_clamp))
		group->window_clamp = one->window_clamp;
	group->needs_ecn |= one->needs_ecn;
	group->save_syn |= one->save_syn;
	group->filter |= one->filter;
	group->fast_open |= one->fast_open;
}

static void join(struct owner_socket *group, bool *found,
		 const struct owner_socket *sk)
{
	if (!*found) {
		*group = *sk;
		*found = true;
		return;
	}
	group->mptcp = group->mptcp || sk->mptcp;
	group->md5 = group->md5 || sk->md5;
	if (sk->rcvbuf && (!group->rcvbuf || sk->rcvbuf < group->rcvbuf))
		group->rcvbuf = sk->rcvbuf;
	listeners_join(&group->settings, &sk->settings);
}

bool listeners_wildcard(const struct listeners *l, __be16 port, bool v4,
			struct owner_socket *ret)
{
	bool found = false, found_dual = false;
	const struct owner_socket *sk;
	struct owner_socket dual;

	for_each_listener (sk, l, port) {
		if (!is_any(sk->tuple.server) || sk->ifindex)
			continue;
		if (sk->v6 != v4)
			join(ret, &found, sk);
		else if (v4 && !sk->v6only)
			join(&dual, &found_dual, sk);
	}
	if (!found && found_dual)
		*ret = dual;
	return found || found_dual;
}

bool listeners_exact(const struct listeners *l, const __be32 addr[4],
		     __be16 port, struct owner_socket *ret)
{
	const struct owner_socket *sk;
	bool found = false;

	for_each_listener (sk, l, port)
		if (!memcmp(sk->tuple.server, addr, 16) && !sk->ifindex)
			join(ret, &found, sk);
	return found || listeners_wildcard(l, port, addr_is_v4(addr), ret);
}
