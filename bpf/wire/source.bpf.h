/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: which sources may open connections, if the operator has
 * configured any lists. The longest prefix that contains the source of a SYN
 * decides. Established connections and ACKs with a cookie are not checked: a
 * list never ends a connection.
 *
 * The caps limit reflection: a victim's prefix gets at most that many SYN-ACKs
 * per second, if so configured, and at most that many RSTs. A secret hash
 * assigns prefixes to buckets; two in the same bucket share its caps. Allowed
 * sources are exempt from the first.
 */
#ifndef SYNKEEPER_SOURCE_BPF_H
#define SYNKEEPER_SOURCE_BPF_H

#include "flow.bpf.h"
#include "maps.bpf.h"

/* Not inlined: see is_local(). */
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
 * Charges one packet of @kind to the source's prefix for this second. Returns
 * false if it has had @max already.
 */
static __always_inline bool source_take(const struct settings *cfg,
					const struct packet *p,
					enum source_share kind, __u32 max)
{
	__u64 second = bpf_ktime_get_coarse_ns() >> 30 << SOURCE_SECOND;
	__u64 one = 1ULL << kind, old, *seen;
	__u32 bucket = source_bucket(cfg, p);

	seen = bpf_map_lookup_elem(&sources, &bucket);
	if (!seen)
		return true;
	old = *seen;
	if ((old ^ second) >> SOURCE_SECOND) {
		/* losing this race leaves one packet uncounted */
		__sync_val_compare_and_swap(seen, old, second | one);
		return true;
	}
	if ((old >> kind & SOURCE_COUNT_MASK) >= max)
		return false;
	__sync_fetch_and_add(seen, one);
	return true;
}

/*
 * May SYN @f, from a source of this kind, be answered? Charges the cap. Returns
 * REASON_NONE if so, else the reason to count. A SYN to a monitored service
 * counts as answered, and is charged as well.
 */
static __always_inline enum reason
take_answer(const struct settings *cfg, const struct flow *f, __u32 source)
{
	__u32 cap = cfg->synacks_per_second;

	if (cap && source != SOURCE_ALLOWED &&
	    !source_take(cfg, &f->pkt, SOURCE_SYNACKS, cap))
		return REASON_over_cap;
	return f->ep.mode == ENDPOINT_MONITOR ? REASON_answered : REASON_NONE;
}

#endif
