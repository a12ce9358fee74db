/* SPDX-License-Identifier: GPL-2.0-only */
#include <stdio.h>
#include <string.h>

#include "reason.h"
#include "words.h"

static const struct reason_info infos[] = {
#define REASON(name, action, hooks, packets, uses, text, ...) \
	{ #name, REASON_##name, REASON_##action, hooks, packets, uses, text },
#include "synkeeper/reason_table.h"
};
enum { N_INFOS = sizeof(infos) / sizeof(infos[0]) };

const struct reason_info *reason_at(size_t i)
{
	return i < N_INFOS ? &infos[i] : NULL;
}

bool reason_is_called(const char *name, const char *word)
{
	for (; *name && (*name == *word || (*name == '_' && *word == '-'));
	     name++)
		word++;
	return *name == *word;
}

const struct reason_info *reason_find(const char *name)
{
	size_t i;

	for (i = 0; i < N_INFOS; i++)
		if (reason_is_called(infos[i].name, name))
			return &infos[i];
	return NULL;
}

enum { NEAR = 3 }; /* names are long */

static bool is_near(const char *word, const char *name)
{
	return (strlen(word) >= 3 && strstr(name, word)) ||
	       word_distance(word, name) <= NEAR;
}

const char *reason_near(const char *word, bool drops, char *buf)
{
	const char *sep = "";
	size_t i, n = 0;

	*buf = '\0';
	for (i = 0; i < N_INFOS && n < REASON_NEAR_MAX - WORD_MAX; i++) {
		if ((drops && infos[i].action != REASON_DROP) ||
		    !is_near(word, infos[i].name))
			continue;
		n += snprintf(buf + n, REASON_NEAR_MAX - n, "%s%s", sep,
			      infos[i].name);
		sep = " or ";
	}
	return buf;
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

__u64 reason_count(const __u64 packets[REASON_COUNT], unsigned int uses)
{
	__u64 n = 0;
	size_t i;

	for (i = 0; i < N_INFOS; i++)
		if (infos[i].uses & uses)
			n += packets[infos[i].number];
	return n;
}

bool reason_is_syn(const struct reason_info *r)
{
	return r->packets == OF_SYN;
}

bool reason_is_later(const struct reason_info *r)
{
	return !(r->hooks & AT_XDP);
}

double reason_rate_of(const json_t *per_second,
		      bool (*is)(const struct reason_info *r))
{
	double sum = 0;
	size_t i;

	for (i = 0; i < N_INFOS; i++)
		if (is(&infos[i]))
			sum += json_number_value(
				json_object_get(per_second, infos[i].name));
	return sum;
}

double reason_rate(const json_t *per_second, enum reason_action action)
{
	double sum = 0;
	size_t i;

	for (i = 0; i < N_INFOS; i++)
		if (infos[i].action == action)
			sum += json_number_value(
				json_object_get(per_second, infos[i].name));
	return sum;
}

json_int_t reason_sum(const json_t *packets, enum reason_action action)
{
	return (json_int_t)reason_rate(packets, action); /* exact up to 2^53 */
}
