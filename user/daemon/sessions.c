/* SPDX-License-Identifier: GPL-2.0-only */
/* Theory of operation: see sessions.h. */
#include <bpf/bpf.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"
#include "sessions.h"
#include "synkeeper/table.h"

enum {
	ASK_PENDING_MS = 1000, /* idle so long, the reaper asks the kernel */
	ASK_AFTER_MS = 30000,  /* the same of an established session */
	SLICES = 10,
};

static __u32 ticks_of(__u64 ms)
{
	return ns_to_ticks(ms * 1000000);
}

static void *map_table(int fd, size_t size, int prot)
{
	size_t page = sysconf(_SC_PAGESIZE);
	void *at = mmap(NULL, (size + page - 1) / page * page, prot, MAP_SHARED,
			fd, 0);

	return at == MAP_FAILED ? NULL : at;
}

int sessions_init(struct sessions *s, const struct loader *l,
		  struct settings *settings, const struct config *c)
{
	*s = (struct sessions){
		.settings = settings,
		.sets = settings->set_mask + 1,
		.pending_ticks = ticks_of(c->pending_timeout_ms),
		.idle_ticks = ticks_of(c->idle_timeout_ms),
		.probe = { -1, -1 },
	};
	s->tags = map_table(loader_map_fd(l, MAP_SESSION_TAGS),
			    s->sets * sizeof(*s->tags), PROT_READ | PROT_WRITE);
	s->entries = map_table(loader_map_fd(l, MAP_SESSIONS),
			       (size_t)s->sets * SET_WAYS * sizeof(*s->entries),
			       PROT_READ | PROT_WRITE);
	if (!s->tags || !s->entries) {
		int err = -errno;

		log_err("cannot map the session table: %s", strerror(-err));
		return err;
	}
	return probe_open(&s->probe);
}

void sessions_free(struct sessions *s)
{
	if (!s->settings)
		return; /* never begun */
	probe_close(&s->probe);
	if (s->tags)
		munmap(s->tags, s->sets * sizeof(*s->tags));
	if (s->entries)
		munmap(s->entries,
		       (size_t)s->sets * SET_WAYS * sizeof(*s->entries));
	s->tags = NULL;
	s->entries = NULL;
}

static __u8 tag_of(const struct sessions *s, __u32 set, __u32 way)
{
	return __atomic_load_n(&s->tags[set].tags[way / 8], __ATOMIC_RELAXED) >>
	       way % 8 * 8;
}

static union session_word word_of(const struct session *e)
{
	return (union session_word){ .word = __atomic_load_n(
					     &e->live.word, __ATOMIC_ACQUIRE) };
}

static bool swap_word(struct session *e, union session_word from, __u64 to)
{
	return __atomic_compare_exchange_n(&e->live.word, &from.word, to, false,
					   __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

void sessions_count(const struct sessions *s, struct session_counts *ret)
{
	struct session_counts n = {};
	__u32 set, way;

	for (set = 0; set < s->sets; set++) {
		if (!s->tags[set].tags[0] && !s->tags[set].tags[1])
			continue;
		for (way = 0; way < SET_WAYS; way++) {
			if (!tag_of(s, set, way))
				continue;
			switch (word_of(&s->entries[set * SET_WAYS + way])
					.state) {
			case SESSION_PENDING:
				n.pending++;
				break;
			case SESSION_ESTABLISHED:
				n.established++;
				break;
			case SESSION_TIME_WAIT:
				n.time_wait++;
				break;
			case SESSION_FREE: /* being filled */
				break;
			}
		}
	}
	*ret = n;
}

/* Claims a way for @tag; SET_WAYS if the set is full or the tag is taken. */
static __u32 claim(struct sessions *s, __u32 set, __u8 tag)
{
	__u32 half;

	for (half = 0; half < SET_WAYS / 8; half++) {
		__u64 *word = &s->tags[set].tags[half];
		__u64 old = __atomic_load_n(word, __ATOMIC_RELAXED);
		__u64 free = table_match(old, 0);
		__u32 way;

		if (!free)
			continue;
		way = table_first(free);
		if (__atomic_compare_exchange_n(
			    word, &old, old | (__u64)tag << way * 8, false,
			    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
			return half * 8 + way;
		return SET_WAYS;
	}
	return SET_WAYS;
}

static enum session_state state_of(int tcp_state)
{
	switch (tcp_state) {
	case TCP_SYN_RECV:
		return SESSION_PENDING;
	case TCP_TIME_WAIT:
		return SESSION_TIME_WAIT;
	default:
		return SESSION_ESTABLISHED;
	}
}

void sessions_enter(struct sessions *s, const struct tuple *t, __u16 service,
		    int tcp_state)
{
	__u32 now = ns_to_ticks(now_ns()), set, way;
	struct table_hash h;
	struct session *e;

	table_hash(s->settings, t, &h);
	set = h.set & s->settings->set_mask;
	for (way = 0; way < SET_WAYS; way++)
		if (tag_of(s, set, way) == h.tag &&
		    tuple_equal(&s->entries[set * SET_WAYS + way].tuple, t))
			return;
	way = claim(s, set, h.tag);
	if (way == SET_WAYS)
		return;
	e = &s->entries[set * SET_WAYS + way];
	e->tuple = *t;
	e->born = now;
	e->client_isn = e->server_isn = 0;
	__atomic_store_n(&e->live.word,
			 ((union session_word){ .state = state_of(tcp_state),
						.service = service,
						.seen = now })
				 .word,
			 __ATOMIC_SEQ_CST);
}

static void end(struct sessions *s, __u32 set, __u32 way,
		union session_word seen)
{
	if (swap_word(&s->entries[set * SET_WAYS + way], seen, 0))
		__atomic_fetch_and(&s->tags[set].tags[way / 8],
				   ~(0xffULL << way % 8 * 8), __ATOMIC_SEQ_CST);
}

static void reap_one(struct sessions *s, struct sockdiag *diag, __u32 set,
		     __u32 way, int *asks)
{
	struct session *e = &s->entries[set * SET_WAYS + way];
	union session_word seen = word_of(e), next;
	__u32 idle = ns_to_ticks(now_ns()) - seen.seen, limit;
	bool pending = seen.state == SESSION_PENDING;
	int found;

	if (seen.state == SESSION_FREE || (__s32)idle < 0)
		return;
	limit = pending ? s->pending_ticks : s->idle_ticks;
	if (idle < ticks_of(pending ? ASK_PENDING_MS : ASK_AFTER_MS) ||
	    (idle < limit && *asks <= 0))
		return;
	found = -ENOENT;
	if (*asks > 0) {
		(*asks)--;
		found = sockdiag_state(diag, &e->tuple);
	}
	if (found > 0 && state_of(found) != seen.state) {
		next = seen;
		next.state = state_of(found);
		swap_word(e, seen, next.word);
	} else if (found == -ENOENT && (!pending || idle >= limit)) {
		end(s, set, way, seen);
	} else if (found == -ENOENT && (e->client_isn || e->server_isn)) {
		probe_send(&s->probe, e); /* lost: the next walk asks again */
	}
}

void sessions_reap(struct sessions *s, struct sockdiag *diag, int asks)
{
	__u32 slice = s->sets / SLICES + 1, i, way;

	for (i = 0; i < slice; i++) {
		__u32 set = s->next_set;

		s->next_set = (set + 1) % s->sets;
		if (!s->tags[set].tags[0] && !s->tags[set].tags[1])
			continue;
		for (way = 0; way < SET_WAYS; way++)
			if (tag_of(s, set, way))
				reap_one(s, diag, set, way, &asks);
	}
}
