/* SPDX-License-Identifier: GPL-2.0-only */
/* Theory of operation: what is said of a cluster; never a secret or a key. */
#include "cluster.h"

json_t *cluster_secrets_json(const struct cluster *c)
{
	char print[SECRET_PRINT_MAX];
	json_t *list = json_array();
	size_t i;

	for (i = 0; c->secrets && i < c->secrets->n; i++) {
		const struct secret *s = &c->secrets->list[i];

		json_array_append_new(
			list, json_pack("{s:s,s:s,s:s}", "id", s->id, "role",
					secret_role_name(s->role),
					"fingerprint", secret_print(s, print)));
	}
	return list;
}

void cluster_health(const struct cluster *c, json_t *list)
{
	if (!c->secrets)
		return;
	if (!c->utc.synced)
		json_array_append_new(
			list,
			json_sprintf("the clock is not synchronised (%s): "
				     "cookies of other nodes may fail",
				     c->utc.why));
	if (c->failed)
		json_array_append_new(
			list, json_string("the cluster's keys cannot be "
					  "stored: in an hour at most, no "
					  "cookie can be made"));
}

static double seconds(__s64 ns)
{
	return (double)(ns / 1000) / 1e6;
}

static json_t *clock_json(const struct utc *utc)
{
	return json_pack("{s:b,s:f,s:f,s:i,s:b}", "synchronised", utc->synced,
			 "offset_s", seconds(utc->adjust_ns), "error_s",
			 seconds(utc->maxerr_ns), "tai_s",
			 -utc->offset_ms / 1000, "moved", utc->moved);
}

json_t *cluster_json(const struct cluster *c)
{
	return json_pack("{s:s,s:o,s:I,s:s,s:f,s:o}", "stage",
			 secrets_stage_name(c->secrets), "secrets",
			 cluster_secrets_json(c), "epoch",
			 (json_int_t)cluster_epoch(c), "half",
			 epoch_half(c->utc.now_ns) & 1 ? "second" : "first",
			 "keys_s",
			 (double)(c->written_to + 1) * EPOCH_SECONDS -
				 (double)(c->utc.now_ns / 1000000000),
			 "clock", clock_json(&c->utc));
}
