/* SPDX-License-Identifier: GPL-2.0-only */
#include <bpf/bpf.h>
#include <errno.h>
#include <netinet/tcp.h>

#include "splices.h"

int splices_find(const struct splices *s, const struct tuple *t,
		 struct splice *ret)
{
	return bpf_map_lookup_elem(s->fd, t, ret) ? -errno : 0;
}

int splices_end(const struct splices *s, const struct tuple *t)
{
	struct rawtcp_segment rst = { .flags = TH_RST };
	struct splice splice;
	int err = splices_find(s, t, &splice);

	if (err)
		return err;
	/* a packet may move the numbers meanwhile; the other end is not lost */
	splice.flags |= SPLICE_KILL;
	if (bpf_map_update_elem(s->fd, t, &splice, BPF_EXIST))
		return -errno;
	/* egress makes this one the server's, with numbers of its own */
	if (splice.state != SPLICE_OPENING)
		err = rawtcp_send(s->raw, t, &rst);
	rst.flags |= TH_ACK;
	rst.seq = splice.client_acked;
	rst.ack = splice.server_acked;
	return rawtcp_send(s->raw, t, &rst) ?: err;
}

void splices_remove(const struct splices *s, const struct tuple *t)
{
	bpf_map_delete_elem(s->fd, t);
}

int splices_walk(struct splices *s, struct splices_entry ret[SPLICES_BATCH])
{
	struct tuple keys[SPLICES_BATCH];
	struct splice values[SPLICES_BATCH];
	__u32 count = SPLICES_BATCH, i, next;
	int err = 0;

	if (bpf_map_lookup_batch(s->fd, s->walking ? &s->place : NULL, &next,
				 keys, values, &count, NULL))
		err = -errno;
	s->place = next;
	s->walking = !err;
	if (err == -ENOENT) /* these were the last */
		err = 0;
	for (i = 0; i < count && !err; i++)
		ret[i] = (struct splices_entry){ keys[i], values[i] };
	return err ? err : (int)count;
}
