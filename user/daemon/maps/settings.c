/* SPDX-License-Identifier: GPL-2.0-only */
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "kernel/syncookies.h"
#include "loader.h"
#include "log.h"
#include "settings.h"

int settings_map(const struct loader *l, struct settings **ret)
{
	*ret = loader_mmap(l, MAP_SETTINGS, sizeof(**ret));
	if (!*ret) {
		int err = -errno;

		log_err("cannot map the settings: %s", strerror(-err));
		return err;
	}
	return 0;
}

void settings_unmap(struct settings *s)
{
	loader_munmap(s, sizeof(*s));
}

int settings_init(struct settings *s, const struct loader *l,
		  const struct config *c)
{
	struct bpf_map_info info = {};
	__u32 len = sizeof(info), rows = loader_rows(l, MAP_TOTALS);
	__u32 monitored = loader_rows(l, MAP_MONITORED);
	__u64 secret[2] = { s->hash_seed, s->hash_mul };

	if ((!l->took_over &&
	     getrandom(secret, sizeof(secret), 0) != sizeof(secret)) ||
	    bpf_obj_get_info_by_fd(loader_map_fd(l, MAP_SESSION_TAGS), &info,
				   &len)) {
		log_err("cannot initialize the settings: %s", strerror(errno));
		return -errno;
	}
	s->hash_seed = secret[0];
	s->hash_mul = secret[1] | 1;
	s->set_mask = info.max_entries - 1;
	s->rows_mask = rows < monitored ? rows - 1 : monitored - 1;
	/* what these say is in maps that every start replaces */
	settings_clear(s, SETTING_QUEUES | SETTING_REFUSED);
	s->holds = loader_holds(l);
	s->abi = ABI_VERSION;
	s->netns = syncookies_netns();
	settings_configure(s, c);
	return 0;
}

void settings_configure(struct settings *s, const struct config *c)
{
	s->resets_per_second = c->resets_per_second;
	s->source_bits4 = c->source_bits4;
	s->source_bits6 = c->source_bits6;
	s->synacks_per_second = c->synacks_per_second;
}
