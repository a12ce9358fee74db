// SPDX-License-Identifier: GPL-2.0-only
/* Only one packet runs at a time: plain reads and writes of maps suffice. */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <time.h>

#include "sessions.h"
#include "check.h"

static int tags_fd(void)
{
	return bpf_map__fd(harness.skel->maps.session_tags);
}

static int sessions_fd(void)
{
	return bpf_map__fd(harness.skel->maps.sessions);
}

__u32 sessions_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	return ns_to_ticks(ts.tv_sec * 1000000000ULL + ts.tv_nsec);
}

struct tuple sessions_tuple(const struct spec *s)
{
	struct tuple t = { .client_port = htons(s->sport ? s->sport : 40000),
			   .server_port = htons(s->dport ? s->dport : 443) };

	if (s->v6) {
		inet_pton(AF_INET6, spec_src(s), t.client);
		inet_pton(AF_INET6, spec_dst(s), t.server);
	} else {
		t.client[2] = t.server[2] = htonl(0xffff);
		inet_pton(AF_INET, spec_src(s), t.client + 3);
		inet_pton(AF_INET, spec_dst(s), t.server + 3);
	}
	return t;
}

unsigned sessions_set_of(const struct tuple *t)
{
	struct table_hash h;

	table_hash(&harness.cfg, t, &h);
	return h.set & harness.cfg.set_mask;
}

static __u32 line_of(unsigned set, unsigned way)
{
	return way * (harness.cfg.set_mask + 1) + set;
}

static __u16 tag_of(const struct tuple *t)
{
	struct table_hash h;

	table_hash(&harness.cfg, t, &h);
	return h.tag;
}

static void read_set(unsigned set, __u16 ret_tags[SET_WAYS])
{
	struct session_set tags;

	bpf_map_lookup_elem(tags_fd(), &set, &tags);
	memcpy(ret_tags, &tags, sizeof(tags));
}

unsigned sessions_in_set(unsigned set)
{
	__u16 tags[SET_WAYS];
	unsigned way, n = 0;

	read_set(set, tags);
	for (way = 0; way < SET_WAYS; way++)
		n += tags[way] != 0;
	return n;
}

static int summary_fd(void)
{
	return bpf_map__fd(harness.skel->maps.session_summary);
}

static void clear_summaries(void)
{
	__u64 none = 0;
	__u32 i;

	for (i = 0; i < 2 * SETS; i++)
		bpf_map_update_elem(summary_fd(), &i, &none, BPF_ANY);
}

void sessions_clear(void)
{
	struct session_set none = {};
	struct session free = {};
	__u16 tags[SET_WAYS];
	__u32 set, way, index;

	clear_summaries();
	for (set = 0; set < SETS; set++) {
		if (!sessions_in_set(set))
			continue;
		read_set(set, tags);
		bpf_map_update_elem(tags_fd(), &set, &none, BPF_ANY);
		for (way = 0; way < SET_WAYS; way++) {
			index = line_of(set, way);
			if (tags[way])
				bpf_map_update_elem(sessions_fd(), &index,
						    &free, BPF_ANY);
		}
	}
}

/* Fills @ret and *@ret_index if @t is known. */
static bool locate(const struct tuple *t, struct session *ret, __u32 *ret_index)
{
	unsigned set = sessions_set_of(t), way;
	__u16 tags[SET_WAYS];

	read_set(set, tags);
	for (way = 0; way < SET_WAYS; way++) {
		*ret_index = line_of(set, way);
		if (tags[way] != tag_of(t))
			continue;
		bpf_map_lookup_elem(sessions_fd(), ret_index, ret);
		if (!memcmp(&ret->tuple, t, sizeof(*t)) && ret->live.state)
			return true;
	}
	return false;
}

enum session_state sessions_find(const struct tuple *t, struct session *ret)
{
	struct session s;
	__u32 index;

	if (!locate(t, &s, &index))
		return SESSION_FREE;
	if (ret)
		*ret = s;
	return s.live.state;
}

static void set_born(const struct tuple *t, __u32 ticks)
{
	struct session s;
	__u32 index;

	if (!locate(t, &s, &index))
		fail_msg("no session to age");
	s.born = ticks;
	bpf_map_update_elem(sessions_fd(), &index, &s, BPF_ANY);
}

void sessions_age(const struct tuple *t)
{
	set_born(t, sessions_now() - 100);
}

void sessions_renew(const struct tuple *t)
{
	set_born(t, sessions_now());
}

/* Has the summary in use both bits of a session in @set with @tag? */
static bool summarized(unsigned set, __u16 tag, bool put)
{
	__u32 i = summary_index(harness.cfg.summary.now,
				harness.cfg.set_mask + 1, set);
	__u64 bits = summary_bits(tag), word = 0;

	bpf_map_lookup_elem(summary_fd(), &i, &word);
	if (put) {
		word |= bits;
		bpf_map_update_elem(summary_fd(), &i, &word, BPF_ANY);
	}
	return (word & bits) == bits;
}

void sessions_put(const struct session *s)
{
	unsigned set = sessions_set_of(&s->tuple), way;
	struct session_set words;
	__u16 tags[SET_WAYS];
	__u32 index;

	read_set(set, tags);
	for (way = 0; tags[way]; way++)
		if (way == SET_WAYS - 1)
			fail_msg("set %u is full", set);
	tags[way] = tag_of(&s->tuple);
	memcpy(&words, tags, sizeof(words));
	index = line_of(set, way);
	bpf_map_update_elem(sessions_fd(), &index, s, BPF_ANY);
	bpf_map_update_elem(tags_fd(), &set, &words, BPF_ANY);
	summarized(set, tag_of(&s->tuple), true);
}

bool sessions_is_summarized(const struct tuple *t)
{
	return summarized(sessions_set_of(t), tag_of(t), false);
}

void sessions_put_state(const struct spec *of, enum session_state state)
{
	struct session s = { .tuple = sessions_tuple(of) };

	s.live.state = state;
	s.live.service = of->v6 ? SERVICE_6 : SERVICE_4;
	s.live.seen = s.born = sessions_now();
	sessions_put(&s);
}

static int incomplete_fd(void)
{
	return bpf_map__fd(harness.skel->maps.incomplete_sets);
}

void sessions_mark(unsigned set, bool marked)
{
	__u32 word = set / 64;
	__u64 marks = marked ? 1ULL << set % 64 : 0;

	bpf_map_update_elem(incomplete_fd(), &word, &marks, BPF_ANY);
}

bool sessions_is_marked(unsigned set)
{
	__u32 word = set / 64;
	__u64 marks = 0;

	bpf_map_lookup_elem(incomplete_fd(), &word, &marks);
	return marks >> set % 64 & 1;
}
