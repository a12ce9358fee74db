/* SPDX-License-Identifier: GPL-2.0-only */
/* Theory of operation: the programs' counters, read and cleared. */
#include <string.h>

#include "play.h"

static void sum_up(const void *key, void *value, void *data)
{
	const struct counters *c = value;
	struct verdict *v = data;
	int i;

	for (i = 0; i < REASON_COUNT; i++) {
		if (!c->packets[i])
			continue;
		v->reason = i;
		memcpy(&v->service, key, sizeof(v->service));
		v->action += (int)c->packets[i];
	}
}

static void forget(const void *key, void *value, void *data)
{
	(void)key;
	(void)data;
	memset(value, 0, sizeof(struct counters));
}

int play_counted(struct verdict *v)
{
	int n;

	v->reason = REASON_NONE;
	v->action = 0;
	native_each("monitored", sum_up, v);
	v->monitored = v->reason != REASON_NONE;
	native_each("counters", sum_up, v);
	n = v->action;
	native_each("monitored", forget, NULL);
	native_each("counters", forget, NULL);
	return n;
}
