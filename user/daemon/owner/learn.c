/* SPDX-License-Identifier: GPL-2.0-only */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "kernel/listener_iter.h"
#include "learn.h"
#include "log.h"

struct records {
	struct listener_record *at; /* sorted by cookie */
	size_t n, room;
	bool failed; /* no memory */
};

struct learn {
	struct listener_iter *iter;
	struct records last;
	bool failing;
};

int learn_open(struct learn **ret)
{
	struct learn *l = calloc(1, sizeof(*l));
	int err = l ? listener_iter_open(&l->iter) : -ENOMEM;

	if (err) {
		log_warn("the settings of listeners (TTL, TOS, MSS, ...) "
			 "cannot be read: %s: SYN-ACKs have the host's",
			 strerror(-err));
		free(l);
		return err;
	}
	*ret = l;
	return 0;
}

void learn_close(struct learn *l)
{
	if (!l)
		return;
	listener_iter_close(l->iter);
	free(l->last.at);
	free(l);
}

static int by_cookie(const void *a, const void *b)
{
	const struct listener_record *x = a, *y = b;

	return x->cookie < y->cookie ? -1 : x->cookie > y->cookie;
}

static void add(const struct listener_record *r, void *data)
{
	struct records *to = data;
	void *grown = array_grow(to->at, to->n, &to->room, sizeof(*r));

	if (!grown) {
		to->failed = true;
		return;
	}
	to->at = grown;
	to->at[to->n++] = *r;
}

void learn_look(struct learn *l, size_t n)
{
	struct records now = {};
	int err = listener_iter_read(l->iter, n, add, &now);

	if (!err && now.failed)
		err = -ENOMEM;
	if (err) {
		if (!l->failing)
			log_warn("cannot read the settings of listeners: %s",
				 strerror(-err));
		l->failing = true;
		free(now.at);
		return;
	}
	l->failing = false;
	if (now.n)
		qsort(now.at, now.n, sizeof(*now.at), by_cookie);
	free(l->last.at);
	l->last = now;
}

const struct listener_settings *learn_find(const struct learn *l, __u64 cookie)
{
	const struct listener_record key = { .cookie = cookie }, *found = NULL;

	if (l->last.n)
		found = bsearch(&key, l->last.at, l->last.n, sizeof(key),
				by_cookie);
	return found ? &found->settings : NULL;
}
