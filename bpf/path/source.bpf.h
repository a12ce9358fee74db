/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: which sources may open connections, where the operator
 * has a say in it. A SYN is judged by the longest prefix that holds its source;
 * what is established, or bears a cookie, is not asked again: a list ends no
 * connection.
 *
 * The cap bounds what a reflection attack makes of us: a victim's prefix gets
 * so many SYN-ACKs a second. Prefixes are counted in buckets that a secret hash
 * assigns; two in one bucket share its cap. An allowed source has none.
 */
#ifndef SYNKEEPER_SOURCE_BPF_H
#define SYNKEEPER_SOURCE_BPF_H

#include "maps.bpf.h"
#include "packet.bpf.h"

/* A function of its own: see socket_state(). */
static __noinline __u32 source_kind(const struct settings *cfg,
				    const struct packet *p)
{
	struct local_key key = { .prefixlen = 128 };
	__u32 zero = 0, *kind;
	void *trie;

	if (!(cfg->flags & SETTING_PREFIXES))
		return 0;
	trie = bpf_map_lookup_elem(&prefixes, &zero);
	if (!trie)
		return 0;
	__builtin_memcpy(key.addr, p->tuple.client, 16);
	kind = bpf_map_lookup_elem(trie, &key);
	return kind ? *kind : 0;
}

static __always_inline __u32 source_bucket(const struct settings *cfg,
					   const struct packet *p)
{
	__u64 prefix;

	if (p->v4)
		prefix = bpf_ntohl(p->tuple.client[3]) >>
			 (-cfg->source_bits4 & 31);
	else
		prefix = ((__u64)bpf_ntohl(p->tuple.client[0]) << 32 |
			  bpf_ntohl(p->tuple.client[1])) >>
			 (-cfg->source_bits6 & 63);
	return (((prefix << 1 | p->v4) ^ cfg->hash_seed) * cfg->hash_mul) >> 48;
}

/* Takes one SYN-ACK from what the source's prefix may get in this second. */
static __always_inline bool source_over_cap(const struct settings *cfg,
					    const struct packet *p)
{
	__u64 second = bpf_ktime_get_coarse_ns() >> 30 << 32, old, *seen;
	__u32 bucket;

	if (!cfg->synacks_per_second)
		return false;
	bucket = source_bucket(cfg, p);
	seen = bpf_map_lookup_elem(&sources, &bucket);
	if (!seen)
		return false;
	old = *seen;
	if ((old & ~0xffffffffULL) != second) {
		/* whoever loses this race was of the same second */
		__sync_val_compare_and_swap(seen, old, second | 1);
		return false;
	}
	if ((__u32)old >= cfg->synacks_per_second)
		return true;
	__sync_fetch_and_add(seen, 1);
	return false;
}

#endif
