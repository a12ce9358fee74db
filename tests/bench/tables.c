// SPDX-License-Identifier: GPL-2.0-only
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "tables.h"
#include "wrap.h"

static __u32 now_ticks(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	return ns_to_ticks(ts.tv_sec * 1000000000ULL + ts.tv_nsec);
}

__u32 tables_sets(__u32 sessions)
{
	__u32 sets = 64; /* a word of incomplete_sets */

	while (sets * SET_WAYS < sessions * 2ULL)
		sets *= 2;
	return sets;
}

static size_t in_pages(size_t size)
{
	size_t page = sysconf(_SC_PAGESIZE);

	return (size + page - 1) / page * page;
}

static size_t tags_size(__u32 sets)
{
	return in_pages(sets * sizeof(struct session_set));
}

static size_t entries_size(__u32 sets)
{
	return in_pages((size_t)sets * SET_WAYS * sizeof(struct session));
}

static void *map(int fd, size_t size)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	return at == MAP_FAILED ? NULL : at;
}

static size_t summary_size(__u32 sets)
{
	return in_pages(sets * 2 * sizeof(__u64));
}

int tables_map(struct tables *t, const struct tables_fds *fds, __u32 sets)
{
	struct tables new = { .sets = sets };
	int err = 0;

	new.tags = map(fds->tags, tags_size(sets));
	if (new.tags)
		new.entries = map(fds->sessions, entries_size(sets));
	if (new.entries)
		new.summary = map(fds->summary, summary_size(sets));
	if (!new.summary)
		err = -errno;
	if (err)
		tables_unmap(&new);
	else
		*t = new;
	return err;
}

void tables_unmap(struct tables *t)
{
	if (t->tags)
		munmap(t->tags, tags_size(t->sets));
	if (t->entries)
		munmap(t->entries, entries_size(t->sets));
	if (t->summary)
		munmap(t->summary, summary_size(t->sets));
}

void tables_clear(struct tables *t)
{
	memset(t->tags, 0, t->sets * sizeof(*t->tags));
}

static struct session session_now(__u16 service)
{
	struct session s = { .born = now_ticks() };

	s.live.state = SESSION_ESTABLISHED;
	s.live.service = service;
	s.live.seen = s.born;
	return s;
}

__u32 tables_fill(struct tables *t, const struct settings *cfg, __be32 server,
		  __be16 port, __u16 service, __u32 n)
{
	struct session s = session_now(service);
	__u32 i, way, set, entered = 0;
	struct table_hash h;

	s.tuple.client[2] = s.tuple.server[2] = htonl(0xffff);
	s.tuple.server[3] = server;
	s.tuple.server_port = port;
	for (i = 0; i < n; i++) {
		s.tuple.client[3] = htonl(wrap_addr(i));
		s.tuple.client_port = htons(wrap_port(i));
		table_hash(cfg, &s.tuple, &h);
		set = h.set & (t->sets - 1);
		way = table_claim(&t->tags[set], h.tag);
		if (way == SET_WAYS)
			continue;
		t->entries[table_line(t->sets, set * SET_WAYS + way)] = s;
		entered++;
	}
	return entered;
}

void tables_fill_set(struct tables *t, __u32 set, __u16 service)
{
	struct session s = session_now(service);
	__u32 way;

	do { /* any tag but 0; of a tuple that no packet has */
		way = table_claim(&t->tags[set], rand() % 65535 + 1);
		if (way < SET_WAYS)
			t->entries[table_line(t->sets, set * SET_WAYS + way)] =
				s;
	} while (way < SET_WAYS);
}

void tables_fill_up(struct tables *t, __u16 service)
{
	__u32 set;

	for (set = 0; set < t->sets; set++)
		tables_fill_set(t, set, service);
}

union summary_places tables_summarize(struct tables *t)
{
	__u32 sessions = 0, set, way, words;
	union summary_places at = {};

	for (set = 0; set < t->sets; set++)
		for (way = 0; way < SET_WAYS; way++)
			sessions += table_tag(&t->tags[set], way) != 0;
	words = summary_words(t->sets, sessions);
	at.now = summary_place(t->sets, words, false);
	memset(t->summary, 0, summary_size(t->sets));
	for (set = 0; set < t->sets; set++)
		t->summary[summary_index(at.now, t->sets, set)] |=
			summary_of_set(&t->tags[set]);
	return at;
}

void tables_deny_nothing(struct tables *t)
{
	memset(t->summary, 0xff, summary_size(t->sets));
}
