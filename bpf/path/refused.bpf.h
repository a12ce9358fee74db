/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: clients that the kernel refuses. A rule, a route, a
 * filter on the socket may do so without a word, and a cookie says the
 * opposite: the client is connected, to nothing. The first time cannot be
 * helped. A source is *marked* when an ACK of its was handed to the kernel and
 * became no socket although the accept queue had room (its retransmission meets
 * a listener again), or when a firewall reset it. For ten minutes its SYNs pass,
 * and the kernel decides.
 *
 * Only who has completed a handshake can be marked, so nobody marks others. The
 * marks are a fixed array; one that is overwritten costs its source one more
 * attempt. What passes has a budget: beyond it SYNs are answered as ever, so
 * neither the source nor one who forges its address floods the listener. While
 * nothing is marked, a flag keeps the look-up off the path of a SYN.
 */
#ifndef SYNKEEPER_REFUSED_BPF_H
#define SYNKEEPER_REFUSED_BPF_H

#include "flow.bpf.h"
#include "maps.bpf.h"
#include "report/budget.bpf.h"

enum {
	REFUSED_TICKS = 35763, /* ten minutes */
	REFUSED_SYNS_PER_SECOND = 100,
};

static __always_inline __u64 refused_hash(const struct settings *cfg,
					  const __be32 *source)
{
	__u64 h = cfg->hash_seed;

	h = (h ^ (source[0] | (__u64)source[1] << 32)) * cfg->hash_mul;
	h ^= h >> 32;
	h = (h ^ (source[2] | (__u64)source[3] << 32)) * cfg->hash_mul;
	h ^= h >> 29;
	h *= cfg->hash_mul;
	return h ^ h >> 32;
}

/* The upper half of a mark is the hash's, the lower half when it was set. */
static __always_inline __u64 *refused_slot(__u64 hash)
{
	__u32 slot = hash & (REFUSED_MAX - 1);

	return bpf_map_lookup_elem(&refused_sources, &slot);
}

static __always_inline bool refused_is_fresh(__u32 mark, __u32 now)
{
	return (__s32)(now - mark) <= REFUSED_TICKS;
}

/* Marks @source, a client's address. */
static __always_inline void refused_mark(struct settings *cfg,
					 const __be32 *source)
{
	__u64 hash = refused_hash(cfg, source), *slot = refused_slot(hash);
	__u32 now = now_ticks();

	if (!slot)
		return;
	*slot = (hash & ~0xffffffffULL) | now;
	cfg->refused_last = now;
	if (!(cfg->flags & SETTING_REFUSED))
		__sync_fetch_and_or(&cfg->flags, SETTING_REFUSED);
}

/* No mark is left: takes the flag away, unless one is just being set. */
static __always_inline void refused_end(struct settings *cfg, __u32 now)
{
	__sync_fetch_and_and(&cfg->flags, ~SETTING_REFUSED);
	if (refused_is_fresh(*(volatile __u32 *)&cfg->refused_last, now))
		__sync_fetch_and_or(&cfg->flags, SETTING_REFUSED);
}

/*
 * May SYN @f pass because its source is marked? Charges the budget. Not
 * inlined: rarely called.
 */
static __noinline bool refused_take(const struct flow *f)
{
	struct settings *cfg = get_settings();
	__u64 hash, *slot, mark;
	__u32 now = now_ticks();

	if (!cfg || f->ep.mode != ENDPOINT_ARMED)
		return false;
	hash = refused_hash(cfg, f->pkt.tuple.client);
	slot = refused_slot(hash);
	mark = slot ? *slot : 0;
	if (mark && mark >> 32 == hash >> 32 &&
	    refused_is_fresh((__u32)mark, now))
		return budget_take(BUDGET_REFUSED_SYN, REFUSED_SYNS_PER_SECOND);
	if (!refused_is_fresh(cfg->refused_last, now))
		refused_end(cfg, now);
	return false;
}

#endif
