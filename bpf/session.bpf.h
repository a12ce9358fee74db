/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the BPF side of the session table; its layout and the
 * life of a way stand in synkeeper/table.h. Nothing here can fail a packet:
 * a session that finds no place is adopted again when it is next seen.
 */
#ifndef SYNKEEPER_SESSION_BPF_H
#define SYNKEEPER_SESSION_BPF_H

#include "maps.bpf.h"
#include "synkeeper/table.h"

static __always_inline struct session *session_way(__u32 set, __u32 way)
{
	__u32 index = set * SET_WAYS + way;

	return bpf_map_lookup_elem(&sessions, &index);
}

/*
 * The slot of @t's session, or -1. A global function: the verifier looks at
 * its loops once, not for every kind of packet that leads here.
 */
__noinline int session_slot(const struct tuple *t, __u32 set, __u32 tag)
{
	struct session_set *tags = bpf_map_lookup_elem(&session_tags, &set);
	__u32 half, i;

	if (!tags || !t)
		return -1;
	for (half = 0; half < SET_WAYS / 8; half++) {
		__u64 match = table_match(tags->tags[half], tag);

		for (i = 0; i < 8 && match; i++, match &= match - 1) {
			__u32 way = half * 8 + table_first(match);
			struct session *s = session_way(set, way);

			if (s && tuple_equal(&s->tuple, t) &&
			    s->live.state != SESSION_FREE)
				return set * SET_WAYS + way;
		}
	}
	return -1;
}

/* Returns the session of @t, or NULL. */
static __always_inline struct session *session_find(const struct settings *cfg,
						    const struct tuple *t)
{
	struct table_hash h;
	__u32 slot;

	table_hash(cfg, t, &h);
	slot = session_slot(t, h.set & cfg->set_mask, h.tag);
	return bpf_map_lookup_elem(&sessions, &slot); /* -1: out of bounds */
}

/* Notes that @s was seen; a store only when the tick has changed. */
static __always_inline void session_touch(struct session *s, __u32 now)
{
	if (s->live.seen != now)
		s->live.seen = now;
}

struct session_worst {
	__u64 best; /* idle time above, way in the low byte; 0: none yet */
	__u32 set;
	__u32 now;
};

static long session_rate(__u32 way, void *data)
{
	struct session_worst *worst = data;
	struct session *s = session_way(worst->set, way);
	union session_word w;
	__u64 score;

	if (!s)
		return 1;
	w.word = s->live.word;
	if (w.state == SESSION_FREE)
		return 0; /* being filled */
	score = (__u64)(worst->now - w.seen) + 1;
	if (w.state != SESSION_ESTABLISHED)
		score |= 1ULL << 33;
	score = score << 8 | way;
	if (score > worst->best)
		worst->best = score;
	return 0;
}

/*
 * Gives up a way of a full set: of what is not established, else of all, that
 * which was idle longest. Returns SET_WAYS if another CPU was faster.
 */
static __always_inline __u32 session_evict(__u32 set, __u32 now)
{
	struct session_worst worst = { .set = set, .now = now };
	struct session *s;
	__u32 way;
	__u64 old;

	bpf_loop(SET_WAYS, session_rate, &worst, 0);
	way = worst.best & (SET_WAYS - 1);
	s = session_way(set, way);
	if (!worst.best || !s)
		return SET_WAYS;
	old = s->live.word;
	if (!(old & 0xff) || /* FREE */
	    __sync_val_compare_and_swap(&s->live.word, old, 0) != old)
		return SET_WAYS;
	return way;
}

/*
 * Claims a way of @h's set and puts its tag. Returns the way, or SET_WAYS if
 * an entry with this tag is just being filled (it may be the same session) or
 * another CPU was faster.
 */
static __always_inline __u32 session_claim(__u32 set, __u8 tag, __u32 now)
{
	struct session_set *tags = bpf_map_lookup_elem(&session_tags, &set);
	__u32 half, way;
	__u64 old;

	if (!tags)
		return SET_WAYS;
	for (half = 0; half < SET_WAYS / 8; half++) {
		__u64 free;

		old = tags->tags[half];
		free = table_match(old, 0);
		if (!free)
			continue;
		way = table_first(free);
		if (__sync_val_compare_and_swap(&tags->tags[half], old,
						old | (__u64)tag << way * 8) !=
		    old)
			return SET_WAYS;
		return half * 8 + way;
	}

	way = session_evict(set, now);
	if (way >= SET_WAYS)
		return SET_WAYS;
	half = way / 8 & (SET_WAYS / 8 - 1);
	old = tags->tags[half] >> way % 8 * 8 & 0xff;
	__sync_fetch_and_xor(&tags->tags[half], (old ^ tag) << way % 8 * 8);
	return way;
}

struct session_new {
	struct tuple tuple;
	__u32 client_isn;
	__u32 server_isn;
	__u32 client_tsval;
	__u32 server_tsval;
	__u16 service;
	__u8 state;
};

/* Enters a session that session_find() did not find. */
static __noinline int session_insert(struct settings *cfg,
				     const struct session_new *n)
{
	union session_word live = {};
	struct table_hash h;
	struct session *s;
	__u32 set, way, now = now_ticks();

	if (!cfg)
		return -1;
	table_hash(cfg, &n->tuple, &h);
	set = h.set & cfg->set_mask;
	way = session_claim(set, h.tag, now);
	if (way >= SET_WAYS)
		return -1;
	s = session_way(set, way);
	if (!s)
		return -1;
	s->tuple = n->tuple;
	s->born = now;
	s->client_isn = n->client_isn;
	s->server_isn = n->server_isn;
	s->client_tsval = n->client_tsval;
	s->server_tsval = n->server_tsval;
	live.state = n->state;
	live.service = n->service;
	live.seen = now;
	/* an exchange, for its barrier: the state must not overtake the rest */
	__sync_lock_test_and_set(&s->live.word, live.word);
	return 0;
}

#endif
