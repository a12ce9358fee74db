/* SPDX-License-Identifier: GPL-2.0-only */
#include <errno.h>
#include <string.h>

#include "loader.h"
#include "log.h"
#include "totals.h"

static size_t size_of(const struct totals *t)
{
	return (size_t)t->rows * SERVICES_MAX * sizeof(*t->of);
}

int totals_map(const struct loader *l, struct totals *ret)
{
	ret->rows = loader_rows(l, MAP_TOTALS);
	ret->of = loader_mmap(l, MAP_TOTALS, size_of(ret));
	if (!ret->of) {
		int err = -errno;

		log_err("cannot map the session table: %s", strerror(-err));
		return err;
	}
	return 0;
}

void totals_unmap(struct totals *t)
{
	loader_munmap(t->of, size_of(t));
	t->of = NULL;
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

/* All rows of @id. */
static void read_one(const struct totals *t, __u16 id,
		     struct session_totals *ret)
{
	__u32 row;
	int i;

	*ret = (struct session_totals){};
	for (row = 0; row < t->rows; row++)
		add(ret, &t->of[row * SERVICES_MAX + id % SERVICES_MAX]);
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
	for (i = 0; i < SERVICES_MAX; i++) {
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

	for (row = 0; row < t->rows; row++)
		memset(&t->of[row * SERVICES_MAX + id % SERVICES_MAX], 0,
		       sizeof(*t->of));
}
