/* SPDX-License-Identifier: GPL-2.0-only */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "listener_iter.h"
#include "listeners.skel.h"

struct listener_iter {
	struct listeners_bpf *skel;
};

int listener_iter_open(struct listener_iter **ret)
{
	struct listener_iter *it = calloc(1, sizeof(*it));
	int err;

	if (!it)
		return -ENOMEM;
	it->skel = listeners_bpf__open_and_load();
	err = it->skel ? listeners_bpf__attach(it->skel) : -errno;
	if (err) {
		listener_iter_close(it);
		return err;
	}
	*ret = it;
	return 0;
}

void listener_iter_close(struct listener_iter *it)
{
	if (!it)
		return;
	listeners_bpf__destroy(it->skel);
	free(it);
}

int listener_iter_read(struct listener_iter *it, size_t n,
		       void (*fn)(const struct listener_record *r, void *data),
		       void *data)
{
	struct listener_batch *b = &it->skel->bss->batch;
	int fd, err = 0;
	char none[8]; /* the program writes nothing to it */
	__u32 i;

	if (!n)
		return 0;
	fd = bpf_iter_create(bpf_link__fd(it->skel->links.synkeeper_listen));
	if (fd < 0)
		return -errno;
	b->left = n;
	do {
		b->n = b->more = 0;
		if (read(fd, none, sizeof(none)) < 0 && errno != EAGAIN)
			err = -errno;
		for (i = 0; i < b->n && i < LISTENERS_AT_ONCE && !err; i++)
			fn(&b->at[i], data);
	} while (b->more && !err);
	close(fd);
	return err;
}
