/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: what nodes that share a secret are compared by. There
 * are no samples without a secret.
 */
#include "metrics_page.h"
#include "service/profile.h"

void metrics_cluster(const struct metrics_page *p)
{
	const struct cluster *c = p->from->keys->cluster;
	char print[SECRET_PRINT_MAX], profile[PROFILE_MAX];
	const struct secret *s;

	if (!cluster_on(c))
		return;
	s = secrets_find(c->secrets, SECRET_CURRENT);
	metrics_sample(p, 1,
		       "{secret=\"%s\",fingerprint=\"%s\",stage=\"%s\","
		       "profile=\"%s\"}",
		       s->id, secret_print(s, print),
		       secrets_stage_name(c->secrets),
		       profile_of(p->from->services, c->settings, profile));
}

void metrics_clock(const struct metrics_page *p)
{
	const struct cluster *c = p->from->keys->cluster;

	if (cluster_on(c))
		metrics_sample(p, c->utc.synced, "%s", "");
}
