/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the BPF side of the session table; its layout and the
 * life cycle of a way are in synkeeper/session_table.h. A failure here never
 * affects a packet: a session that finds no room is adopted when its next
 * packet arrives. A way may be reused between a lookup and an update; state
 * changes are made by compare-and-swap, and what that misses (another session
 * in the same state and tick) is corrected when the daemon next asks the
 * kernel.
 */
#ifndef SYNKEEPER_TABLE_BPF_H
#define SYNKEEPER_TABLE_BPF_H

#include "report/events.bpf.h"
#include "synkeeper/session_stats.h"
#include "synkeeper/session_summary.h"
#include "synkeeper/session_table.h"

/* Slots are numbered here as their lines are (table_line()). NULL: -1. */
static __always_inline struct session *session_at(int slot)
{
	return bpf_map_lookup_elem(&sessions, &slot);
}

static __always_inline __u32 session_slot_of(const struct settings *cfg,
					     __u32 set, __u32 way)
{
	return table_line(cfg->set_mask + 1, set * SET_WAYS + way);
}

/*
 * The slot of @t's session, ignoring way @skip, or -1. A global function: the
 * verifier checks its loops once, not once per path that leads here.
 */
__noinline int session_slot(const struct tuple *t, __u32 set, __u32 tag,
			    __u32 skip, __u32 sets)
{
	struct session_set *tags = bpf_map_lookup_elem(&session_tags, &set);
	__u32 word, i;

	if (!tags || !t)
		return -1;
	for (word = 0; word < SET_WORDS; word++) {
		__u64 match = table_match(tags->tags[word], tag);

		for (i = 0; i < WORD_TAGS && match; i++, match &= match - 1) {
			__u32 way = word * WORD_TAGS + table_first(match);
			__u32 line = table_line(sets, set * SET_WAYS + way);
			struct session *s = session_at(line);

			if (s && way != skip && tuple_equal(&s->tuple, t) &&
			    s->live.state != SESSION_FREE)
				return line;
		}
	}
	return -1;
}

/* The slot of @t's session, or -1. Strangers rarely get past the summary. */
static __always_inline int session_look_up(const struct settings *cfg,
					   const struct tuple *t,
					   const struct table_hash *h)
{
	__u32 set = h->set & cfg->set_mask;
	__u32 i = summary_index(cfg->summary.now, cfg->set_mask + 1, set);
	const __u64 *word = bpf_map_lookup_elem(&session_summary, &i);

	if (word && !summary_has(*word, summary_bits(h->tag)))
		return -1;
	return session_slot(t, set, h->tag, SET_WAYS, cfg->set_mask + 1);
}

static __always_inline void session_summarize_at(__u32 i, __u16 tag)
{
	__u64 *word = bpf_map_lookup_elem(&session_summary, &i);

	if (word)
		summary_put(word, summary_bits(tag));
}

/* A session with @tag was published in @set. */
static __always_inline void session_summarize(const struct settings *cfg,
					      __u32 set, __u16 tag)
{
	union summary_places at = {
		.both = *(volatile __u64 *)&cfg->summary.both
	};
	__u32 sets = cfg->set_mask + 1;

	session_summarize_at(summary_index(at.now, sets, set), tag);
	if (at.next)
		session_summarize_at(summary_index(at.next, sets, set), tag);
}

/* Records that @set no longer knows all of its connections. */
static __always_inline void session_set_incomplete(__u32 set)
{
	__u32 word = set / 64;
	__u64 *marks = bpf_map_lookup_elem(&incomplete_sets, &word);

	if (marks)
		__sync_fetch_and_or(marks, 1ULL << set % 64);
}

/* May the kernel have a connection of @set that the table lacks? */
static __always_inline bool
session_set_is_incomplete(const struct settings *cfg, __u32 set)
{
	__u32 word = set / 64;
	__u64 *marks;

	if (!(cfg->flags & SETTING_COMPLETE))
		return true;
	marks = bpf_map_lookup_elem(&incomplete_sets, &word);
	return !marks || *marks >> set % 64 & 1;
}

/* Returns the session of @t, or NULL; *@ret_slot: its slot, or -1. */
static __always_inline struct session *
session_find(const struct settings *cfg, const struct tuple *t, int *ret_slot)
{
	struct table_hash h;

	table_hash(cfg, t, &h);
	*ret_slot = session_look_up(cfg, t, &h);
	return session_at(*ret_slot);
}

static __always_inline void session_flag(struct session *s, __u8 flag)
{
	union session_word w = { .flags = flag };

	__sync_fetch_and_or(&s->live.word, w.word);
}

/*
 * Did @s start with a valid cookie and has no socket yet? It is OPENING until
 * tc has verified the segment's checksum, and PENDING once the kernel has it.
 */
static __always_inline bool session_has_cookie(const struct session *s)
{
	return s->live.state == SESSION_PENDING ||
	       (s->live.state == SESSION_OPENING && s->server_isn);
}

/* Records activity of @s; stores only when the tick has changed. */
static __always_inline void session_touch(struct session *s, __u32 now)
{
	if (s->live.seen != now)
		s->live.seen = now;
}

/* Reports the events of @t's session to watchers, one ring entry each. */
static __always_inline void session_tell(const struct settings *cfg,
					 const struct tuple *t, __u16 service,
					 __u8 left, __u64 evs, __u32 age)
{
	struct event *e;
	int i;

	if (!(cfg->flags & SETTING_WATCHED))
		return;
	for (i = 0; i < SESSION_EVENTS && evs; i++, evs >>= 4) {
		e = report_begin(EVENT_SESSION, service, t);
		if (!e)
			continue;
		e->what = evs & 15;
		e->left = left;
		e->age = age;
		bpf_ringbuf_submit(e, 0);
	}
}

/*
 * Feeds @inputs (1 << enum session_input) to the session in @slot. Returns
 * whether it ended, in which case the caller now owns the way. A global
 * function: verified once for all callers.
 */
__noinline int session_feed_keep(__u32 slot, __u32 inputs)
{
	const struct settings *cfg = get_settings();
	struct session *s = session_at(slot);
	__u32 service, now = now_ticks(), age;
	struct session_totals *t;
	struct transition m;

	if (!cfg || !s)
		return 0;
	service = s->live.service;
	t = get_totals(cfg, service);
	if (!t)
		return 0;
	age = now - s->born;
	if (!session_stats_transition(s, t, service, inputs, 0, now, &m))
		return 0;
	if (m.events)
		session_tell(cfg, &s->tuple, service, m.from.state, m.events,
			     age);
	return m.to.state == SESSION_FREE;
}

/* The same, but also frees the way if the session ended. */
__noinline int session_feed(__u32 slot, __u32 inputs)
{
	const struct settings *cfg;
	struct session_set *tags;
	__u32 set;

	if (!session_feed_keep(slot, inputs))
		return 0;
	cfg = get_settings();
	if (!cfg)
		return 1;
	set = slot & cfg->set_mask;
	tags = bpf_map_lookup_elem(&session_tags, &set);
	if (tags)
		table_retag(tags, slot / (cfg->set_mask + 1), 0);
	return 1;
}

struct session_worst {
	__u64 best; /* idle time << 8 | way; 0: none yet */
	__u32 set;
	__u32 now;
};

static long session_rate(__u32 way, void *data)
{
	struct session_worst *worst = data;
	const struct settings *cfg = get_settings();
	struct session *s =
		cfg ? session_at(session_slot_of(cfg, worst->set, way)) : NULL;
	union session_word w;
	__u64 score;

	if (!s)
		return 1;
	w.word = s->live.word;
	if (w.state == SESSION_FREE)
		return 0; /* being filled */
	if (w.flags & SESSION_SPLICED)
		return 0; /* it could not go on */
	score = (__u64)(worst->now - w.seen) + 1;
	if (w.state == SESSION_TIME_WAIT || w.state == SESSION_OPENING)
		score |= 1ULL << 33;
	score = score << 8 | way;
	if (score > worst->best)
		worst->best = score;
	return 0;
}

/*
 * Evicts from a full set: preferably an entry in TIME-WAIT or OPENING, else the
 * one idle longest. Returns its way, or SET_WAYS if another CPU was faster.
 */
static __always_inline __u32 session_evict(const struct settings *cfg,
					   __u32 set)
{
	struct session_worst worst = { .set = set, .now = now_ticks() };
	__u32 way;

	bpf_loop(SET_WAYS, session_rate, &worst, 0);
	way = worst.best & (SET_WAYS - 1);
	if (!worst.best || !session_feed_keep(session_slot_of(cfg, set, way),
					      1 << INPUT_EVICTED))
		return SET_WAYS;
	session_set_incomplete(set);
	return way;
}

/*
 * Claims a way of @set, whose tags are @tags, for @tag, evicting if necessary.
 * Returns the way, or SET_WAYS if another CPU was faster.
 */
static __always_inline __u32 session_claim(const struct settings *cfg,
					   struct session_set *tags, __u32 set,
					   __u16 tag)
{
	__u32 way = table_claim(tags, tag);

	if (way < SET_WAYS || !table_is_full(tags))
		return way;
	way = session_evict(cfg, set);
	if (way < SET_WAYS)
		table_retag(tags, way, tag);
	return way;
}

struct session_new {
	struct tuple tuple;
	union {
		struct {
			__u32 client_isn;
			__u32 server_isn;
			__u32 client_tsval;
			__u32 server_tsval;
		};
		struct {
			__u32 client_fin;
			__u32 server_fin;
		};
	};
	__u32 inputs; /* 1 << enum session_input, applied to SESSION_FREE */
	__u16 service;
};

/* Inserts a session that is not in the table. Returns its slot, or -1. */
__noinline int session_insert(const struct session_new *n)
{
	struct settings *cfg = get_settings();
	union session_word live = {};
	struct session_totals *t;
	struct session_set *tags;
	struct table_hash h;
	struct session *s;
	__u32 set, way, slot, service, now;
	__u64 evs;

	if (!cfg || !n)
		return -1;
	service = n->service;
	table_hash(cfg, &n->tuple, &h);
	set = h.set & cfg->set_mask;
	t = get_totals(cfg, service);
	tags = bpf_map_lookup_elem(&session_tags, &set);
	/* still FREE: the socket was in CLOSE, and is gone by now */
	live.state = session_steps(SESSION_FREE, n->inputs, &evs);
	if (!t || !tags || live.state == SESSION_FREE)
		return -1;
	way = session_claim(cfg, tags, set, h.tag);
	slot = session_slot_of(cfg, set, way & (SET_WAYS - 1));
	s = session_at(slot);
	if (way >= SET_WAYS || !s) {
		session_set_incomplete(set);
		return -1;
	}
	now = now_ticks(); /* not earlier: it would need stack */
	s->tuple = n->tuple;
	s->born = now;
	s->client_isn = n->client_isn;
	s->server_isn = n->server_isn;
	s->client_tsval = n->client_tsval;
	s->server_tsval = n->server_tsval;
	live.service = n->service;
	live.seen = now;
	/* an exchange, for its barrier: publish the state after the rest */
	__sync_lock_test_and_set(&s->live.word, live.word);
	session_summarize(cfg, set, h.tag);
	if (session_slot(&n->tuple, set, h.tag, way, cfg->set_mask + 1) >= 0) {
		if (session_stats_withdraw(s, t, live.state, evs))
			table_retag(tags, way, 0);
		session_set_incomplete(
			set); /* the other CPU may have withdrawn as well */
		return -1;
	}
	session_stats_record(t, SESSION_FREE, live.state, evs, 0);
	if (evs)
		session_tell(cfg, &n->tuple, service, SESSION_FREE, evs, 0);
	return slot;
}

#endif
