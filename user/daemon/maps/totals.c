/* SPDX-License-Identifier: GPL-2.0-only */
#include <errno.h>
#include <string.h>

#include "loader.h"
#include "log.h"
#include "totals.h"

int totals_map(const struct loader *l, struct totals *ret)
{
	ret->of = loader_mmap(l, MAP_TOTALS, SERVICES_MAX * sizeof(*ret->of));
	if (!ret->of) {
		int err = -errno;

		log_err("cannot map the session table: %s", strerror(-err));
		return err;
	}
	return 0;
}

void totals_unmap(struct totals *t)
{
	loader_munmap(t->of, SERVICES_MAX * sizeof(*t->of));
	t->of = NULL;
}

/* A gauge may be read in the middle of a transition, one too low. */
static __u64 not_negative(__u64 n)
{
	return (__s64)n < 0 ? 0 : n;
}

static void add(struct session_totals *sum, const struct session_totals *t)
{
	int i;

	for (i = 0; i < SESSION_EVENTS; i++)
		sum->events[i] += t->events[i];
	for (i = 0; i < SESSION_STATES; i++)
		sum->alive[i] += not_negative(t->alive[i]);
	for (i = 0; i < DURATIONS; i++)
		sum->durations[i] += t->durations[i];
	sum->duration_ticks += t->duration_ticks;
	sum->lost += t->lost;
}

void totals_read(const struct totals *t, __u16 id, struct session_totals *ret)
{
	struct session_totals sum = {};
	__u32 i;

	if (id)
		add(&sum, totals_of(t, id));
	for (i = 0; i < SERVICES_MAX && !id; i++)
		add(&sum, totals_of(t, i));
	*ret = sum;
}

__u64 totals_alive(const struct session_totals *t)
{
	__u64 n = 0;
	int state;

	for (state = 0; state < SESSION_STATES; state++)
		if (session_is_live(state))
			n += not_negative(t->alive[state]);
	return n;
}

void totals_forget(const struct totals *t, __u16 id)
{
	memset(totals_of(t, id), 0, sizeof(*t->of));
}
