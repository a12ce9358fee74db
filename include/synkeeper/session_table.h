/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the session table, a set-associative cache of the
 * kernel's connections. The tuple's hash selects a set of 16 ways; each way has
 * a tag of 16 bits in session_tags and a cache line in sessions. In front of
 * them is a summary (session_summary.h) that stays in the nearest caches:
 * "certainly unknown", the result for nearly every packet of a flood, costs one
 * read of it. What passes reads half a line of tags; a stranger meets an equal
 * tag, and then reads a session's line, in one of 8,000 cases if the set is
 * half full, and one of 4,000 if it is full.
 *
 * Slots are numbered set * SET_WAYS + way; their lines lie way by way, all
 * sets' first ways in front. A free way of the lowest number is claimed, so few
 * sessions touch few pages: those of the first ways, an eighth of the table if
 * a set has two. Neighbours would be in a page of their set's 16 lines.
 *
 * The life cycle of a way, without locks, on any CPU and in user space:
 *	claim	compare-and-swap of the tag word sets a free tag. Whoever
 *		succeeds owns the way alone, fills it, writes the state last.
 *	end	compare-and-swap of session.live to FREE; whoever succeeds owns
 *		the way again and clears the tag. If a packet of the session
 *		changes the word in between, the swap fails and it stays.
 *
 * The table may lose entries (a full set evicts, an idle session times out) or
 * miss an insertion (two CPUs at once): the next packet finds the socket in the
 * kernel and the session is adopted again. It cannot, and must not, refuse a
 * connection. Sets to which that has happened are in incomplete_sets. Once all
 * of the kernel's connections have been entered (SETTING_COMPLETE), an ACK
 * without a valid cookie in any other set is unmatched, and a flood of them
 * costs no socket lookups.
 */
#ifndef SYNKEEPER_SESSION_TABLE_H
#define SYNKEEPER_SESSION_TABLE_H

#include "abi.h"

#define TABLE_ONES 0x0001000100010001ULL

enum { TAG_BITS = 16, WORD_TAGS = 4 };

struct table_hash {
	__u32 set; /* not masked yet */
	__u16 tag; /* never 0 */
};

/* Where in sessions the line of @slot is; the programs know it by that. */
static __always_inline __u32 table_line(__u32 sets, __u32 slot)
{
	return slot % SET_WAYS * sets + slot / SET_WAYS;
}

/*
 * Multiplication by a secret odd number. Differences propagate upwards only, so
 * the last words are multiplied twice: otherwise a difference in the top byte
 * (the last octet of an IPv4 server) would never reach the set index.
 */
static __always_inline void table_hash(const struct settings *cfg,
				       const struct tuple *t,
				       struct table_hash *ret)
{
	__u64 mul = cfg->hash_mul, h = cfg->hash_seed;

	if (!tuple_is_v4(t)) {
		h = (h ^ (t->client[0] | (__u64)t->client[1] << 32)) * mul;
		h ^= h >> 32;
		h = (h ^ (t->server[0] | (__u64)t->server[1] << 32)) * mul;
		h ^= h >> 32;
		h = (h ^ (t->client[2] | (__u64)t->server[2] << 32)) * mul;
		h ^= h >> 32;
	}
	h = (h ^ (t->client[3] | (__u64)t->server[3] << 32)) * mul;
	h ^= h >> 32;
	h = (h ^ (t->client_port | (__u64)t->server_port << 16)) * mul;
	h ^= h >> 29;
	h *= mul;
	h ^= h >> 32;

	ret->set = (__u32)(h >> TAG_BITS);
	ret->tag = (__u16)h ? (__u16)h : 1;
}

/* 0x8000 in each tag of @tags that equals @tag; an extra one does no harm. */
static __always_inline __u64 table_match(__u64 tags, __u16 tag)
{
	__u64 x = tags ^ tag * TABLE_ONES;

	return (x - TABLE_ONES) & ~x & TABLE_ONES << 15;
}

/* The index of the lowest tag set in @match, which must not be 0. */
static __always_inline __u32 table_first(__u64 match)
{
	return ((match & -match) >> 15) * 0x0000000100020003ULL >> 48;
}

/*
 * Claims a free way of @set and stores @tag. Returns the way, or SET_WAYS if
 * there is none or somebody else was faster.
 */
static __always_inline __u32 table_claim(struct session_set *set, __u16 tag)
{
	__u32 i, way;

	for (i = 0; i < SET_WORDS; i++) {
		__u64 old = *(volatile __u64 *)&set->tags[i];
		__u64 free = table_match(old, 0);

		if (!free)
			continue;
		way = table_first(free);
		if (__sync_val_compare_and_swap(
			    &set->tags[i], old,
			    old | (__u64)tag << way * TAG_BITS) != old)
			return SET_WAYS;
		return i * WORD_TAGS + way;
	}
	return SET_WAYS;
}

/* The tag of @way, or 0. */
static __always_inline __u16 table_tag(const struct session_set *set, __u32 way)
{
	return __atomic_load_n(&set->tags[way / WORD_TAGS], __ATOMIC_RELAXED) >>
	       way % WORD_TAGS * TAG_BITS;
}

static __always_inline __u32 table_count(const struct session_set *set)
{
	__u32 way, n = 0;

	for (way = 0; way < SET_WAYS; way++)
		n += table_tag(set, way) != 0;
	return n;
}

/* Does it hold nothing? */
static __always_inline bool table_is_empty(const struct session_set *set)
{
	return !(set->tags[0] | set->tags[1] | set->tags[2] | set->tags[3]);
}

static __always_inline bool table_is_full(const struct session_set *set)
{
	return !(table_match(set->tags[0], 0) | table_match(set->tags[1], 0) |
		 table_match(set->tags[2], 0) | table_match(set->tags[3], 0));
}

/* Stores @tag, or 0 to free it, in a way that the caller owns. */
static __always_inline void table_retag(struct session_set *set, __u32 way,
					__u16 tag)
{
	__u64 *word = &set->tags[way / WORD_TAGS & (SET_WORDS - 1)];
	__u32 shift = way % WORD_TAGS * TAG_BITS;
	__u64 old = *(volatile __u64 *)word >> shift & 0xffff;

	__sync_fetch_and_xor(word, (old ^ tag) << shift);
}

static __always_inline bool tuple_equal(const struct tuple *a,
					const struct tuple *b)
{
	return a->client[3] == b->client[3] &&
	       a->client_port == b->client_port &&
	       a->server_port == b->server_port &&
	       a->server[3] == b->server[3] && a->client[2] == b->client[2] &&
	       a->client[1] == b->client[1] && a->client[0] == b->client[0] &&
	       a->server[2] == b->server[2] && a->server[1] == b->server[1] &&
	       a->server[0] == b->server[0];
}

#endif
