/* SPDX-License-Identifier: GPL-2.0-only */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "loader.h"
#include "log.h"
#include "totals.h"
#include "synkeeper/stats_rows.h"

static size_t size_of(__u32 rows)
{
	return stats_entries(rows) * sizeof(struct session_totals);
}

static int map_former(int fd, struct totals *t)
{
	struct bpf_map_info info = {};
	__u32 len = sizeof(info);
	void *at;

	if (bpf_obj_get_info_by_fd(fd, &info, &len))
		return -errno;
	t->former_rows = stats_rows(info.max_entries);
	at = mmap(NULL, size_of(t->former_rows), PROT_READ, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		return -errno;
	t->former = at;
	t->followed = calloc(SERVICES_MAX, sizeof(*t->followed));
	return t->followed ? 0 : -ENOMEM;
}

static void unmap_former(struct totals *t)
{
	if (t->former)
		munmap(t->former, size_of(t->former_rows));
	free(t->followed);
	t->former = t->followed = NULL;
}

/* One more than the highest id that a row has counted anything for. */
static __u32 find_end(const struct totals *t)
{
	static const struct session_totals none;
	__u32 end = SERVICES_MAX, row;

	for (; end; end--)
		for (row = 0; row < stats_rows_of(t->rows, end - 1); row++)
			if (memcmp(&t->of[stats_index(row, end - 1)], &none,
				   sizeof(none)))
				return end;
	return 0;
}

int totals_map(const struct loader *l, struct totals *ret)
{
	int err = 0;

	*ret = (struct totals){ .rows = loader_rows(l, MAP_TOTALS) };
	ret->of = loader_mmap(l, MAP_TOTALS, size_of(ret->rows));
	if (!ret->of)
		err = -errno;
	else if (l->former_totals_fd >= 0)
		err = map_former(l->former_totals_fd, ret);
	if (err) {
		log_err("cannot map the session table: %s", strerror(-err));
		return err;
	}
	totals_follow(ret);
	ret->end = find_end(ret);
	return 0;
}

void totals_unmap(struct totals *t)
{
	unmap_former(t);
	loader_munmap(t->of, size_of(t->rows));
	t->of = NULL;
}

void totals_use(struct totals *t, __u16 id)
{
	if (t->end <= id)
		t->end = id + 1;
}

static void add(struct session_totals *sum, const struct session_totals *t)
{
	int i;

	for (i = 0; i < SESSION_EVENTS; i++)
		sum->events[i] += t->events[i];
	for (i = 0; i < SESSION_STATES; i++)
		sum->alive[i] += t->alive[i];
	for (i = 0; i < DURATIONS; i++)
		sum->durations[i] += t->durations[i];
	sum->duration_ticks += t->duration_ticks;
	sum->lost += t->lost;
}

static void sum_up(const struct session_totals *rows, __u32 n, __u16 id,
		   struct session_totals *ret)
{
	__u32 row;

	id %= SERVICES_MAX;
	*ret = (struct session_totals){};
	for (row = 0; row < stats_rows_of(n, id); row++)
		add(ret, &rows[stats_index(row, id)]);
}

enum { TOTALS_WORDS = sizeof(struct session_totals) / sizeof(__u64) };

void totals_follow(struct totals *t)
{
	struct session_totals now = {};
	const __u64 *is = (const __u64 *)&now;
	__u64 *was, *to;
	__u32 id;
	int i;

	if (!t->former)
		return;
	for (id = 0; id < SERVICES_MAX; id++) {
		sum_up(t->former, t->former_rows, id, &now);
		was = (__u64 *)&t->followed[id];
		to = (__u64 *)&t->of[id];
		if (!memcmp(is, was, sizeof(now)))
			continue;
		totals_use(t, id);
		for (i = 0; i < TOTALS_WORDS; i++)
			__atomic_fetch_add(&to[i], is[i] - was[i],
					   __ATOMIC_RELAXED);
		memcpy(was, is, sizeof(now));
	}
}

void totals_settle(struct totals *t)
{
	totals_follow(t);
	unmap_former(t);
}

/* All rows of @id. */
static void read_one(const struct totals *t, __u16 id,
		     struct session_totals *ret)
{
	int i;

	sum_up(t->of, t->rows, id, ret);
	/* read in the middle of a transition, a gauge may be one too low */
	for (i = 0; i < SESSION_STATES; i++)
		if ((__s64)ret->alive[i] < 0)
			ret->alive[i] = 0;
}

void totals_read(const struct totals *t, __u16 id, struct session_totals *ret)
{
	struct session_totals one, sum = {};
	__u32 i;

	if (id) {
		read_one(t, id, ret);
		return;
	}
	for (i = 0; i < t->end; i++) {
		read_one(t, i, &one);
		add(&sum, &one);
	}
	*ret = sum;
}

__u64 totals_alive(const struct session_totals *t)
{
	__u64 n = 0;
	int state;

	for (state = 0; state < SESSION_STATES; state++)
		if (session_is_live(state))
			n += t->alive[state];
	return n;
}

void totals_forget(const struct totals *t, __u16 id)
{
	__u32 row;

	id %= SERVICES_MAX;
	for (row = 0; row < stats_rows_of(t->rows, id); row++)
		memset(&t->of[stats_index(row, id)], 0, sizeof(*t->of));
}
