// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: at the end of a scenario, counts the session table and
 * compares it with the session stats of each service; each entry must be
 * exactly once in the table, in the set given by its hash.
 */
#include <string.h>

#include "play.h"
#include "synkeeper/session_table.h"

enum { SERVICES = 4, ENTRIES_MAX = 512 };

struct population {
	const struct play *p;
	__u64 alive[SERVICES][16];
	const struct session *entries[ENTRIES_MAX];
	unsigned int n;
};

static void count_entry(struct population *c, __u32 set, __u32 way, __u16 tag)
{
	__u32 index =
		table_line(c->p->s->cfg.set_mask + 1, set * SET_WAYS + way);
	const struct session *s = native_value("sessions", &index, true);
	struct table_hash h;
	unsigned int i;

	if (!s->live.state || s->live.state >= SESSION_STATES)
		finding("a tag, and a session of state %u", s->live.state);
	table_hash(&c->p->s->cfg, &s->tuple, &h);
	if (h.tag != tag || (h.set & c->p->s->cfg.set_mask) != set)
		finding("a session that is not where its hash says");
	if (s->live.service >= SERVICES)
		finding("a session of service %u", s->live.service);
	c->alive[s->live.service][s->live.state]++;
	for (i = 0; i < c->n; i++)
		if (tuple_equal(&c->entries[i]->tuple, &s->tuple))
			finding("a session is in the table twice");
	if (c->n == ENTRIES_MAX)
		finding("more sessions than packets");
	c->entries[c->n++] = s;
}

static void count_set(const void *key, void *value, void *data)
{
	__u16 tags[SET_WAYS];
	__u32 set, way;

	memcpy(&set, key, sizeof(set));
	memcpy(tags, value, sizeof(tags));
	for (way = 0; way < SET_WAYS; way++)
		if (tags[way])
			count_entry(data, set, way, tags[way]);
}

static void compare(const void *key, void *value, void *data)
{
	const struct session_totals *t = value;
	const struct population *c = data;
	__u64 alive = 0, opened, ended = 0;
	__u32 service, i;

	memcpy(&service, key, sizeof(service));
	if (service >= SERVICES)
		finding("stats of service %u", service);
	for (i = 1; i < SESSION_STATES; i++) {
		if (t->alive[i] != c->alive[service][i])
			finding("service %u: %llu sessions of state %u on "
				"the stats, %llu in the table",
				service, t->alive[i], i, c->alive[service][i]);
		alive += session_is_live(i) ? t->alive[i] : 0;
	}
	opened = t->events[EV_ADMITTED] + t->events[EV_ADOPTED];
	for (i = EV_CLOSED; i <= EV_EVICTED; i++)
		ended += t->events[i];
	if (opened != ended + alive)
		finding("service %u: %llu opened, %llu ended, %llu alive",
			service, opened, ended, alive);
}

void play_end(const struct play *p)
{
	static struct population c;

	memset(&c, 0, sizeof(c));
	c.p = p;
	native_each("session_tags", count_set, &c);
	native_each("totals", compare, &c);
}
