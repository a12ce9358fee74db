/* SPDX-License-Identifier: GPL-2.0-only */
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

#include "kernel/clock.h"
#include "log.h"
#include "sessions.h"
#include "synkeeper/session_stats.h"
#include "synkeeper/session_summary.h"

static size_t tags_size(const struct sessions *s)
{
	return s->sets * sizeof(*s->tags);
}

static size_t summary_size(const struct sessions *s)
{
	return 2UL * s->sets * sizeof(*s->summary);
}

static size_t entries_size(const struct sessions *s)
{
	return (size_t)s->sets * SET_WAYS * sizeof(*s->entries);
}

static size_t incomplete_size(const struct sessions *s)
{
	return s->sets / 64 * sizeof(*s->incomplete);
}

int sessions_init(struct sessions *s, const struct loader *l,
		  struct settings *settings, const struct totals *totals,
		  session_events events, void *data)
{
	*s = (struct sessions){ .settings = settings,
				.totals = totals,
				.sets = settings->set_mask + 1,
				.events = events,
				.told_data = data };
	s->tags = loader_mmap(l, MAP_SESSION_TAGS, tags_size(s));
	s->summary = loader_mmap(l, MAP_SESSION_SUMMARY, summary_size(s));
	s->incomplete = loader_mmap(l, MAP_INCOMPLETE_SETS, incomplete_size(s));
	s->entries = loader_mmap(l, MAP_SESSIONS, entries_size(s));
	if (!s->tags || !s->summary || !s->incomplete || !s->entries) {
		int err = -errno;

		log_err("cannot map the session table: %s", strerror(-err));
		return err;
	}
	return 0;
}

void sessions_free(struct sessions *s)
{
	loader_munmap(s->tags, tags_size(s));
	loader_munmap(s->summary, summary_size(s));
	loader_munmap(s->incomplete, incomplete_size(s));
	loader_munmap(s->entries, entries_size(s));
	s->tags = NULL;
	s->summary = NULL;
	s->incomplete = NULL;
	s->entries = NULL;
}

bool sessions_in_set(const struct sessions *s, __u32 set)
{
	return !table_is_empty(&s->tags[set]);
}

bool sessions_in_slot(const struct sessions *s, __u32 slot)
{
	return table_tag(&s->tags[slot / SET_WAYS], slot % SET_WAYS);
}

/* The slot of @t in any way of @set except @skip, or -1. */
static int slot_of(const struct sessions *s, const struct tuple *t, __u32 set,
		   __u32 skip)
{
	__u32 way;

	for (way = 0; way < SET_WAYS; way++) {
		__u32 slot = set * SET_WAYS + way;
		const struct session *e = sessions_at(s, slot);

		if (way != skip && sessions_in_slot(s, slot) &&
		    e->live.state != SESSION_FREE && tuple_equal(&e->tuple, t))
			return (int)slot;
	}
	return -1;
}

struct session *sessions_find(const struct sessions *s, const struct tuple *t,
			      __u32 *ret_slot)
{
	struct table_hash h;
	int slot;

	table_hash(s->settings, t, &h);
	slot = slot_of(s, t, h.set & s->settings->set_mask, SET_WAYS);
	if (slot < 0)
		return NULL;
	*ret_slot = slot;
	return sessions_at(s, slot);
}

static void set_incomplete(struct sessions *s, __u32 set)
{
	__atomic_or_fetch(&s->incomplete[set / 64], 1ULL << set % 64,
			  __ATOMIC_SEQ_CST);
}

void sessions_mark(struct sessions *s, const struct tuple *t)
{
	struct table_hash h;

	table_hash(s->settings, t, &h);
	set_incomplete(s, h.set & s->settings->set_mask);
}

bool sessions_marked(const struct sessions *s)
{
	__u32 i;

	for (i = 0; i < s->sets / 64; i++)
		if (s->incomplete[i])
			return true;
	return false;
}

void sessions_set_complete(struct sessions *s)
{
	__u32 i;

	for (i = 0; i < s->sets / 64; i++)
		__atomic_store_n(&s->incomplete[i], 0, __ATOMIC_SEQ_CST);
}

static void tell(struct sessions *s, const struct tuple *t, __u16 service,
		 __u8 left, __u64 events, __u32 age)
{
	struct event e = { .kind = EVENT_SESSION,
			   .left = left,
			   .service = service,
			   .when_ns = clock_ns(),
			   .tuple = *t,
			   .age = age };

	for (; events; events >>= 4) {
		e.what = events & 15;
		s->events(s->told_data, &e);
	}
}

void sessions_enter(struct sessions *s, const struct tuple *t, __u16 service,
		    int tcp_state)
{
	struct session_totals *totals = totals_of(s->totals, service);
	__u32 now = ns_to_ticks(clock_ns()), set, way;
	union session_word live = { .service = service, .seen = now };
	struct table_hash h;
	struct session *e;
	__u64 events;

	table_hash(s->settings, t, &h);
	set = h.set & s->settings->set_mask;
	live.state = session_steps(SESSION_FREE, session_seen_in(tcp_state),
				   &events);
	if (live.state == SESSION_FREE || slot_of(s, t, set, SET_WAYS) >= 0)
		return;
	way = table_claim(&s->tags[set], h.tag);
	if (way == SET_WAYS) {
		set_incomplete(s, set);
		return;
	}
	e = sessions_at(s, set * SET_WAYS + way);
	e->tuple = *t;
	e->born = now;
	e->client_isn = e->server_isn = 0;
	__atomic_store_n(&e->live.word, live.word, __ATOMIC_SEQ_CST);
	summary_add(s->settings, s->summary, set, h.tag);
	if (slot_of(s, t, set, way) >= 0) { /* XDP was as fast */
		if (session_stats_withdraw(e, totals, live.state, events))
			table_retag(&s->tags[set], way, 0);
		set_incomplete(
			s, set); /* the twin's writer may have done the same */
		return;
	}
	session_stats_record(totals, SESSION_FREE, live.state, events, 0);
	tell(s, t, service, SESSION_FREE, events, 0);
}

bool sessions_put(struct sessions *s, struct session *e)
{
	union session_word last;
	struct table_hash h;
	struct session *to;
	__u32 set, way;

	table_hash(s->settings, &e->tuple, &h);
	set = h.set & s->settings->set_mask;
	if (slot_of(s, &e->tuple, set, SET_WAYS) >= 0)
		return false;
	way = table_claim(&s->tags[set], h.tag);
	if (way == SET_WAYS) {
		set_incomplete(s, set);
		return false;
	}
	to = sessions_at(s, set * SET_WAYS + way);
	memcpy((char *)to + sizeof(to->live), (char *)e + sizeof(e->live),
	       sizeof(*e) - sizeof(e->live));
	__atomic_store_n(&to->live.word, e->live.word, __ATOMIC_SEQ_CST);
	summary_add(s->settings, s->summary, set, h.tag);
	if (slot_of(s, &e->tuple, set, way) < 0)
		return true;
	/* XDP was as fast: ours leaves, as what has become of it meanwhile */
	last.word = __atomic_exchange_n(&to->live.word, 0, __ATOMIC_SEQ_CST);
	if (last.state == SESSION_FREE)
		return true; /* it has ended */
	table_retag(&s->tags[set], way, 0);
	set_incomplete(s, set);
	e->live = last;
	return false;
}

void sessions_flag(struct sessions *s, __u32 slot, __u8 flags)
{
	__atomic_or_fetch(&sessions_at(s, slot)->live.word,
			  (union session_word){ .flags = flags }.word,
			  __ATOMIC_SEQ_CST);
}

bool sessions_feed(struct sessions *s, __u32 slot, __u32 inputs, __u8 flags)
{
	struct session *e = sessions_at(s, slot);
	__u32 now = ns_to_ticks(clock_ns()), age = now - e->born;
	__u16 service = e->live.service;
	struct tuple tuple = e->tuple;
	struct transition m;

	if (!session_stats_transition(e, totals_of(s->totals, service), service,
				      inputs, flags, now, &m))
		return false;
	if (m.to.state == SESSION_FREE)
		table_retag(&s->tags[slot / SET_WAYS], slot % SET_WAYS, 0);
	tell(s, &tuple, service, m.from.state, m.events, age);
	return true;
}
