/* SPDX-License-Identifier: GPL-2.0-only */
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

#include "array.h"
#include "endpoint.h"
#include "log.h"

static int set_alloc(struct endpoint_set *s)
{
	s->ports = calloc(PORTS_MAX, sizeof(*s->ports));
	return s->ports ? 0 : -ENOMEM;
}

static int set_add(struct endpoint_set *s, const struct endpoint_entry *entry)
{
	void *grown = array_grow(s->exact, s->n, &s->room, sizeof(*s->exact));

	if (!grown)
		return -ENOMEM;
	s->exact = grown;
	s->exact[s->n++] = *entry;
	return 0;
}

static int by_key(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct endpoint_key));
}

/* An earlier instance's entries are the previous round. */
static int load(struct endpoints *e)
{
	struct endpoint_entry entry = {};
	struct endpoint_key *prev = NULL, key;
	__u32 port;
	int err;

	for (port = 0; port < PORTS_MAX; port++)
		bpf_map_lookup_elem(e->ports_fd, &port, &e->now.ports[port]);
	while (!bpf_map_get_next_key(e->exact_fd, prev, &entry.key)) {
		if (!bpf_map_lookup_elem(e->exact_fd, &entry.key, &entry.ep)) {
			err = set_add(&e->now, &entry);
			if (err)
				return err;
		}
		key = entry.key;
		prev = &key;
	}
	if (e->now.n)
		qsort(e->now.exact, e->now.n, sizeof(*e->now.exact), by_key);
	return 0;
}

int endpoints_init(struct endpoints *e, const struct loader *l, struct nat *nat)
{
	int err;

	*e = (struct endpoints){
		.ports_fd = loader_map_fd(l, MAP_PORTS),
		.exact_fd = loader_map_fd(l, MAP_ENDPOINTS),
		.local_fd = loader_map_fd(l, MAP_LOCAL_ADDRS),
		.can_assign = l->has[FEATURE_ASSIGN],
		.can_splice = l->splices,
		.inherited = l->took_over,
		.nat = nat,
	};
	err = set_alloc(&e->now);
	if (!err)
		err = set_alloc(&e->next);
	if (!err && l->took_over)
		err = load(e);
	if (err)
		endpoints_free(e);
	return err;
}

void endpoints_free(struct endpoints *e)
{
	free(e->now.exact);
	free(e->now.ports);
	free(e->next.exact);
	free(e->next.ports);
}

void endpoints_begin(struct endpoints *e, const struct netconf *net,
		     bool may_raise, const struct listeners *listeners)
{
	e->net = *net;
	e->may_raise = may_raise;
	e->need = 0;
	e->splices = false;
	e->listeners = listeners;
	e->next.n = 0;
	memset(e->next.ports, 0, PORTS_MAX * sizeof(*e->next.ports));
}

static const struct endpoint_entry *
find_exact(const struct endpoints *e, const __be32 addr[4], __be16 port)
{
	struct endpoint_key key = { .port = port };

	memcpy(key.addr, addr, sizeof(key.addr));
	return e->now.ports[be16toh(port)].exact
		       ? bsearch(&key, e->now.exact, e->now.n,
				 sizeof(struct endpoint_entry), by_key)
		       : NULL;
}

static int add_exact(struct endpoints *e, struct service *svc,
		     const __be32 addr[4], enum service_why *why)
{
	struct endpoint_entry entry = { .key.port = svc->listen.port };
	const struct endpoint_entry *had =
		find_exact(e, addr, svc->listen.port);
	struct owner_socket group;
	struct place at = { .v4 = addr_is_v4(addr),
			    .addr = addr,
			    .port = svc->listen.port,
			    .had = had ? &had->ep : NULL };

	if (listeners_exact(e->listeners, addr, svc->listen.port, &group))
		at.sk = &group;
	memcpy(entry.key.addr, addr, sizeof(entry.key.addr));
	entry.ep = endpoint_of(e, svc, &at, why);
	e->next.ports[be16toh(svc->listen.port)].exact++;
	return set_add(&e->next, &entry);
}

static struct endpoint make_any(struct endpoints *e, struct service *svc,
				bool v4, enum service_why *why)
{
	__be16 port = svc->listen.port;
	const struct port_services *had = &e->now.ports[be16toh(port)];
	struct owner_socket group;
	struct place at = { .v4 = v4,
			    .port = port,
			    .had = v4 ? &had->any4 : &had->any6 };

	if (listeners_wildcard(e->listeners, port, v4, &group))
		at.sk = &group;
	return endpoint_of(e, svc, &at, why);
}

static bool better(enum service_why a, enum service_why b)
{
	return a == WHY_ARMED || (b == WHY_NO_LISTENER && a != b);
}

static int wildcard_of(struct endpoints *e, struct service *svc)
{
	const struct listeners *l = e->listeners;
	__be16 port = svc->listen.port;
	struct port_services *p = &e->next.ports[be16toh(port)];
	enum service_why why, best;
	const struct owner_socket *sk;
	int err = 0;

	p->any4 = make_any(e, svc, true, &best);
	p->any6 = make_any(e, svc, false, &why);
	if (better(why, best))
		best = why;
	for_each_listener (sk, l, port) {
		/* a group's members are adjacent: dedupe() */
		if (!listener_is_exact(sk))
			continue;
		err = add_exact(e, svc, sk->tuple.server, &why);
		if (err)
			break;
		if (better(why, best))
			best = why;
	}
	svc->why = best;
	return err;
}

int endpoints_of(struct endpoints *e, struct service *svc)
{
	int err;

	svc->backends = 0;
	svc->has_listener = false;
	svc->owners = 0;
	svc->owner_why = OWNER_SOCKET;
	svc->cookies_why = COOKIES_AS_EVER;
	if (svc->listen.wildcard)
		err = wildcard_of(e, svc);
	else
		err = add_exact(e, svc, svc->listen.addr, &svc->why);
	if (err)
		log_err("out of memory for the endpoints");
	return err;
}

/*
 * An exact service and a wildcard's listener may have the same address: the
 * exact service wins.
 */
static void dedupe(struct endpoint_set *s)
{
	size_t i, n = 0;

	for (i = 0; i < s->n; i++) {
		struct endpoint_entry *last = n ? &s->exact[n - 1] : NULL;
		const struct endpoint_entry *this = &s->exact[i];
		__u16 wildcard = s->ports[be16toh(this->key.port)].any4.service;

		if (!last || by_key(last, this))
			s->exact[n++] = *this;
		else if (last->ep.service == wildcard)
			last->ep = this->ep;
	}
	s->n = n;
}

static void note(const struct endpoint *old, const struct endpoint *new,
		 struct endpoints_changes *changes)
{
	if (new->mode == ENDPOINT_ARMED && old->mode != ENDPOINT_ARMED)
		changes->armed = true;
	if (old->cookies == COOKIES_KERNEL && new->cookies == COOKIES_OWN)
		changes->own = true;
}

static int write_exact(const struct endpoints *e,
		       const struct endpoint_entry *entry,
		       const struct endpoint *old,
		       struct endpoints_changes *changes)
{
	static const struct endpoint none;

	if (old && !memcmp(old, &entry->ep, sizeof(*old)))
		return 0;
	note(old ? old : &none, &entry->ep, changes);
	return bpf_map_update_elem(e->exact_fd, &entry->key, &entry->ep,
				   BPF_ANY)
		       ? -errno
		       : 0;
}

static int write_ports(struct endpoints *e, struct endpoints_changes *changes)
{
	__u32 port;

	for (port = 0; port < PORTS_MAX; port++) {
		const struct port_services *old = &e->now.ports[port];
		const struct port_services *new = &e->next.ports[port];

		if (!memcmp(old, new, sizeof(*old)))
			continue;
		note(&old->any4, &new->any4, changes);
		note(&old->any6, &new->any6, changes);
		if (bpf_map_update_elem(e->ports_fd, &port, new, BPF_ANY))
			return -errno;
	}
	return 0;
}

/* A round could not be written completely: restores the previous one. */
static void take_back(struct endpoints *e)
{
	const struct endpoint_entry *entry, *was;
	__u32 port;
	size_t i;

	for (port = 0; port < PORTS_MAX; port++)
		if (memcmp(&e->now.ports[port], &e->next.ports[port],
			   sizeof(*e->now.ports)))
			bpf_map_update_elem(e->ports_fd, &port,
					    &e->now.ports[port], BPF_ANY);
	for (i = 0; i < e->next.n; i++) {
		entry = &e->next.exact[i];
		was = e->now.n ? bsearch(entry, e->now.exact, e->now.n,
					 sizeof(*entry), by_key)
			       : NULL;
		if (!was)
			bpf_map_delete_elem(e->exact_fd, &entry->key);
		else if (memcmp(&was->ep, &entry->ep, sizeof(was->ep)))
			bpf_map_update_elem(e->exact_fd, &was->key, &was->ep,
					    BPF_ANY);
	}
}

int endpoints_commit(struct endpoints *e, struct endpoints_changes *ret)
{
	struct endpoint_set *now = &e->now, *next = &e->next, swap;
	struct endpoints_changes changes = {};
	size_t i, j;
	int err = 0;

	if (next->n)
		qsort(next->exact, next->n, sizeof(*next->exact), by_key);
	dedupe(next);
	for (i = 0, j = 0; i < next->n && !err; i++) {
		const struct endpoint_entry *entry = &next->exact[i];

		while (j < now->n && by_key(&now->exact[j], entry) < 0)
			j++;
		err = write_exact(e, entry,
				  j < now->n && !by_key(&now->exact[j], entry)
					  ? &now->exact[j].ep
					  : NULL,
				  &changes);
	}
	if (!err)
		err = write_ports(e, &changes);
	for (i = 0, j = 0; i < now->n && !err; i++) {
		while (j < next->n &&
		       by_key(&next->exact[j], &now->exact[i]) < 0)
			j++;
		if (j == next->n || by_key(&next->exact[j], &now->exact[i]))
			bpf_map_delete_elem(e->exact_fd, &now->exact[i].key);
	}
	if (err) {
		log_err("cannot write the endpoints: %s", strerror(-err));
		take_back(e);
		return err;
	}
	e->inherited = false;
	swap = *now;
	*now = *next;
	*next = swap;
	*ret = changes;
	return 0;
}

/* What XDP finds for an address:port. */
static const struct endpoint *endpoint_at(const struct endpoints *e,
					  const __be32 addr[4], __be16 port)
{
	const struct port_services *p = &e->now.ports[be16toh(port)];
	const struct endpoint_entry *entry = find_exact(e, addr, port);

	return entry ? &entry->ep : addr_is_v4(addr) ? &p->any4 : &p->any6;
}

__u16 endpoints_match(const struct endpoints *e, const __be32 addr[4],
		      __be16 port)
{
	return endpoint_at(e, addr, port)->service;
}

enum cookie_backend endpoints_cookies(const struct endpoints *e,
				      const __be32 addr[4], __be16 port)
{
	return endpoint_at(e, addr, port)->cookies;
}

__u8 endpoints_flags(const struct endpoints *e, const __be32 addr[4],
		     __be16 port)
{
	return endpoint_at(e, addr, port)->flags;
}

bool endpoints_armed(const struct endpoints *e, const struct listen *l)
{
	const struct port_services *p = &e->now.ports[be16toh(l->port)];
	const struct endpoint_entry *entry;

	if (l->wildcard)
		return p->any4.mode == ENDPOINT_ARMED ||
		       p->any6.mode == ENDPOINT_ARMED;
	entry = find_exact(e, l->addr, l->port);
	return entry && entry->ep.mode == ENDPOINT_ARMED;
}
