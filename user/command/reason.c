/* SPDX-License-Identifier: GPL-2.0-only */
/* Theory of operation: see reason.h. */
#include <string.h>

#include "reason.h"
#include "synkeeper/reasons.h"

static const struct reason_info infos[] = {
#define X(name, action, text) { #name, REASON_##action, text },
	SYNKEEPER_REASONS(X)
#undef X
};
enum { N_INFOS = sizeof(infos) / sizeof(infos[0]) };

const struct reason_info *reason_at(size_t i)
{
	return i < N_INFOS ? &infos[i] : NULL;
}

const struct reason_info *reason_find(const char *name)
{
	size_t i;

	for (i = 0; i < N_INFOS; i++)
		if (!strcmp(infos[i].name, name))
			return &infos[i];
	return NULL;
}

const char *reason_action_name(enum reason_action action)
{
	static const char *const names[] = {
		[REASON_PASS] = "pass",
		[REASON_DROP] = "drop",
		[REASON_TX] = "tx",
	};

	return names[action];
}

json_int_t reason_sum(const json_t *packets, enum reason_action action)
{
	json_int_t sum = 0;
	size_t i;

	for (i = 0; i < N_INFOS; i++)
		if (infos[i].action == action)
			sum += json_integer_value(
				json_object_get(packets, infos[i].name));
	return sum;
}
