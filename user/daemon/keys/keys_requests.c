/* SPDX-License-Identifier: GPL-2.0-only */
/* Theory of operation: requests about cookie keys; none reveals a key. */
#include "keys.h"

static json_t *on_list(void *data, struct request *r)
{
	const struct keys *k = data;
	__u32 slot, current = keys_epoch(k) & 1;
	json_t *list = json_array();

	(void)r;
	for (slot = 0; slot < KEY_SLOTS && !cluster_on(k->cluster); slot++) {
		struct key_state state = keys_state(k, slot);

		if (!state.valid)
			continue;
		json_array_append_new(
			list,
			json_pack("{s:i,s:s,s:f}", "slot", slot, "state",
				  slot >= KEY_OLD   ? "ended"
				  : slot == current ? "current"
						    : "previous",
				  "age_s", request_seconds(state.age_ns)));
	}
	return json_pack("{s:i,s:f,s:o,s:o}", "epoch", keys_epoch(k),
			 "lifetime_s", request_seconds(keys_lifetime(k)),
			 "keys", list, "secrets",
			 cluster_secrets_json(k->cluster));
}

static json_t *on_rotate(void *data, struct request *r)
{
	struct keys *k = data;

	if (cluster_on(k->cluster))
		return request_refuse(r, "to replace the secret: key stage",
				      "keys are shared with other nodes and "
				      "follow the time of day");
	if (keys_rotate(k))
		return request_refuse(r, "see the daemon's log",
				      "the key could not be rotated");
	return json_pack("{s:i}", "epoch", keys_epoch(k));
}

const struct request_handler keys_requests[] = {
	{ "key.list", on_list },
	{ "key.rotate", on_rotate },
	{},
};
