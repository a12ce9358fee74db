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

#include "flow.bpf.h"
#include "maps.bpf.h"

/* A function of its own: see is_local(). */
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

/*
 * Takes one SYN-ACK from what the source's prefix may get in this second.
 * Returns whether there was one left.
 */
static __always_inline bool source_take(const struct settings *cfg,
					const struct packet *p)
{
	__u64 second = bpf_ktime_get_coarse_ns() >> 30 << 32, old, *seen;
	__u32 bucket;

	if (!cfg->synacks_per_second)
		return true;
	bucket = source_bucket(cfg, p);
	seen = bpf_map_lookup_elem(&sources, &bucket);
	if (!seen)
		return true;
	old = *seen;
	if ((old & ~0xffffffffULL) != second) {
		/* whoever loses this race was of the same second */
		__sync_val_compare_and_swap(seen, old, second | 1);
		return true;
	}
	if ((__u32)old >= cfg->synacks_per_second)
		return false;
	__sync_fetch_and_add(seen, 1);
	return true;
}

/*
 * Takes the right to answer SYN @f, of a source of this kind. REASON_NONE: it
 * is to be answered. Else what is counted instead; the SYN to a service that is
 * only monitored counts as answered, against the cap, too.
 */
static __always_inline enum reason
take_answer(const struct settings *cfg, const struct flow *f, __u32 source)
{
	if (source != SOURCE_ALLOWED && !source_take(cfg, &f->pkt))
		return REASON_over_cap;
	return f->ep.mode == ENDPOINT_MONITOR ? REASON_answered : REASON_NONE;
}

#endif
