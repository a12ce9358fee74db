/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the kernel's sockets as owner of connections (see
 * owner.h), queried through sock_diag. The walk has its own netlink socket,
 * since other queries may come while a dump is half read.
 */
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "array.h"
#include "kernel/sockdiag.h"
#include "learn.h"
#include "log.h"
#include "owner.h"
#include "splices.h"

enum { CONNECTIONS = ~(1U << TCP_LISTEN | 1U << TCP_CLOSE) };

struct owner {
	struct sockdiag *diag;
	struct sockdiag *walk;
	struct learn *learn; /* NULL: the kernel has no such thing */
	__u8 family;	     /* of the walk */
	const struct splices *splices;
	owner_behind_fn behind; /* NULL: none is */
	void *behind_data;
};

int owner_open(const struct splices *splices, struct owner **ret)
{
	struct owner *o = calloc(1, sizeof(*o));
	int err = o ? 0 : -ENOMEM;

	if (!err)
		err = sockdiag_open(&o->diag);
	if (!err)
		err = sockdiag_open(&o->walk);
	if (err) {
		log_err("cannot open sock_diag: %s", strerror(-err));
		owner_close(o);
		return err;
	}
	o->splices = splices;
	learn_open(&o->learn);
	*ret = o;
	return 0;
}

bool owner_learns(const struct owner *o)
{
	return o->learn;
}

void owner_close(struct owner *o)
{
	if (!o)
		return;
	sockdiag_close(o->diag);
	sockdiag_close(o->walk);
	learn_close(o->learn);
	free(o);
}

void owner_set_behind(struct owner *o, owner_behind_fn fn, void *data)
{
	o->behind = fn;
	o->behind_data = data;
}

static bool is_behind(const struct owner *o, const struct tuple *t)
{
	return o->behind && o->behind(t, o->behind_data);
}

int owner_state(struct owner *o, const struct tuple *t)
{
	struct splice splice;

	if (is_behind(o, t) || !splices_find(o->splices, t, &splice))
		return -EOPNOTSUPP;
	return sockdiag_state(o->diag, t);
}

const char *owner_state_name(int state)
{
	return sockdiag_state_name(state);
}

int owner_end(struct owner *o, const struct tuple *t)
{
	int err = splices_end(o->splices, t);

	if (err != -ENOENT)
		return err;
	if (is_behind(o, t))
		return -EOPNOTSUPP;
	return sockdiag_destroy(o->diag, t);
}

int owner_clear(struct owner *o, const struct tuple *t)
{
	return sockdiag_clear(o->diag, t);
}

struct each {
	owner_fn fn;
	void *data;
};

static void on_socket(const struct diag_socket *s, void *data)
{
	const struct each *each = data;
	struct owner_socket socket = {
		.tuple = s->tuple,
		.state = s->state,
		.v6 = s->v6,
		.v6only = s->v6only,
		.mptcp = s->mptcp,
		.md5 = s->md5,
		.ifindex = s->ifindex,
		.rcvbuf = s->rcvbuf,
		.waiting = s->waiting,
		.backlog = s->backlog,
		.cookie = s->cookie,
	};

	each->fn(&socket, each->data);
}

static int dump(struct owner *o, __u32 states, owner_fn fn, void *data)
{
	struct each each = { .fn = fn, .data = data };

	return sockdiag_dump(o->diag, states, on_socket, &each);
}

struct listening {
	struct owner_socket *sockets;
	size_t n, room;
	bool failed;
};

static void keep_listener(const struct owner_socket *sk, void *data)
{
	struct listening *l = data;
	void *grown = array_grow(l->sockets, l->n, &l->room, sizeof(*sk));

	if (!grown) {
		l->failed = true;
		return;
	}
	l->sockets = grown;
	l->sockets[l->n++] = *sk;
}

/* Of a listener that has just gone, or if there is nothing to learn: none. */
static void add_settings(const struct owner *o, struct owner_socket *sk)
{
	const struct listener_settings *s =
		o->learn ? learn_find(o->learn, sk->cookie) : NULL;

	if (!s)
		return;
	sk->settings = *s;
	sk->md5 = sk->md5 || s->signs;
}

int owner_each_listener(struct owner *o, owner_fn fn, void *data)
{
	struct listening l = {};
	int err = dump(o, 1U << TCP_LISTEN, keep_listener, &l);
	size_t i;

	if (!err && l.failed)
		err = -ENOMEM;
	if (!err && o->learn)
		learn_look(o->learn, l.n);
	for (i = 0; i < l.n && !err; i++) {
		add_settings(o, &l.sockets[i]);
		fn(&l.sockets[i], data);
	}
	free(l.sockets);
	return err;
}

int owner_each_half_open(struct owner *o, owner_fn fn, void *data)
{
	return dump(o, 1U << TCP_SYN_RECV, fn, data);
}

int owner_each_queue(struct owner *o, owner_fn fn, void *data)
{
	return dump(o, 1U << TCP_LISTEN | 1U << TCP_SYN_RECV, fn, data);
}

static int begin_family(struct owner *o, __u8 family)
{
	o->family = family;
	return sockdiag_dump_begin(o->walk, family, CONNECTIONS);
}

int owner_walk_begin(struct owner *o)
{
	return begin_family(o, AF_INET);
}

int owner_walk_step(struct owner *o, owner_fn fn, void *data)
{
	struct each each = { .fn = fn, .data = data };
	int more = sockdiag_dump_step(o->walk, on_socket, &each);

	if (!more && o->family == AF_INET) {
		more = begin_family(o, AF_INET6);
		if (!more)
			more = 1;
	}
	return more;
}
