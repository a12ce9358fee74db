/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: what an earlier instance left in the pin directory. Its
 * maps are taken over if their layout is this version's; otherwise only the
 * cookie keys are, if theirs is. See loader.h.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <limits.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "loader.h"
#include "log.h"

/* Names of the maps in ABI_TAKEN_OVER. */
static const char *const former_names[MAP_COUNT] = {
	[MAP_MONITORED] = "would",
	[MAP_INCOMPLETE_SETS] = "session_marks",
};

bool loader_former_path(const struct loader *l, enum loader_map map, char *path,
			size_t size)
{
	if (!former_names[map])
		return false;
	snprintf(path, size, "%s/maps/%s", l->pin_dir, former_names[map]);
	return true;
}

static int open_pinned(const struct loader *l, enum loader_map map)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s/maps/%s", l->pin_dir,
		 bpf_map__name(loader_map(l, map)));
	fd = bpf_obj_get(path);
	if (fd < 0 && loader_former_path(l, map, path, sizeof(path)))
		fd = bpf_obj_get(path);
	return fd;
}

/* New in ABI_VERSION: may be absent, nothing is lost. */
static bool is_new(enum loader_map map)
{
	return map == MAP_TC_PROGRAMS;
}

/* Does @fd have the layout that our program expects of @map? */
static bool map_fits(const struct bpf_map *map, int fd, bool any_size)
{
	struct bpf_map_info info = {};
	__u32 len = sizeof(info);

	return !bpf_obj_get_info_by_fd(fd, &info, &len) &&
	       info.type == bpf_map__type(map) &&
	       info.key_size == bpf_map__key_size(map) &&
	       info.value_size == bpf_map__value_size(map) &&
	       (any_size || info.max_entries == bpf_map__max_entries(map));
}

/*
 * Takes over the maps of an earlier instance, all or none. The session table
 * may differ from the configured size: keeping the sessions matters more, and
 * the difference is logged.
 */
int loader_take_over(struct loader *l)
{
	__u32 zero = 0, i,
	      sets = bpf_map__max_entries(loader_map(l, MAP_SESSION_TAGS));
	struct settings cfg = {};
	int fds[MAP_COUNT], err = 0;
	bool fit = true;

	for (i = 0; i < MAP_COUNT; i++) {
		bool table = i == MAP_SESSION_TAGS ||
			     i == MAP_INCOMPLETE_SETS || i == MAP_SESSIONS;

		fds[i] = open_pinned(l, i);
		if (fds[i] < 0)
			fit = fit && is_new(i);
		else
			fit = fit && map_fits(loader_map(l, i), fds[i], table);
	}
	if (fds[MAP_SETTINGS] < 0)
		goto out; /* nothing was left here */
	if (!fit || bpf_map_lookup_elem(fds[MAP_SETTINGS], &zero, &cfg) ||
	    (cfg.abi != ABI_VERSION && cfg.abi != ABI_TAKEN_OVER)) {
		log_warn("%s: maps of another version (ABI %u, this is %u): "
			 "replaced; sessions are adopted again from their "
			 "sockets",
			 l->pin_dir, cfg.abi, ABI_VERSION);
		l->replaces = true;
		goto out;
	}
	for (i = 0; i < MAP_COUNT && !err; i++)
		if (fds[i] >= 0)
			err = bpf_map__reuse_fd(loader_map(l, i), fds[i]);
	if (err) {
		log_err("%s: cannot take over the maps: %s", l->pin_dir,
			strerror(-err));
		goto out;
	}
	l->took_over = l->kept_keys = true;
	if (cfg.set_mask + 1 != sets)
		log_warn("%s: the session table keeps its %u slots; to resize "
			 "it, run synkeeper down and start again",
			 l->pin_dir, (cfg.set_mask + 1) * SET_WAYS);
out:
	for (i = 0; i < MAP_COUNT; i++)
		if (fds[i] >= 0)
			close(fds[i]); /* reuse_fd() made its own copy */
	return err;
}

/* As an index into the __u32 fields of the settings. */
enum { EPOCH_AT = offsetof(struct settings, epoch) / sizeof(__u32) };
_Static_assert(EPOCH_AT == 2, "abi, flags, epoch: in every version");

/*
 * Copies the keys of maps that are being replaced, and the epoch, which selects
 * the current one. Another version's keys are compatible if their size is
 * equal.
 */
void loader_inherit_keys(struct loader *l)
{
	int keys_fd = open_pinned(l, MAP_KEYS);
	int settings_fd = open_pinned(l, MAP_SETTINGS);
	struct settings fresh = {};
	struct bpf_map_info info = {};
	__u32 len = sizeof(info), slot, *old = NULL;
	struct cookie_key key = {};
	int err = -EPROTO;

	if (keys_fd < 0 || settings_fd < 0 ||
	    !map_fits(loader_map(l, MAP_KEYS), keys_fd, false) ||
	    bpf_obj_get_info_by_fd(settings_fd, &info, &len) ||
	    info.key_size != sizeof(slot) ||
	    info.value_size <= EPOCH_AT * sizeof(*old))
		goto out;
	old = malloc(info.value_size);
	slot = 0;
	if (!old || bpf_map_lookup_elem(settings_fd, &slot, old))
		goto out;
	fresh.epoch = old[EPOCH_AT];
	err = bpf_map_update_elem(loader_map_fd(l, MAP_SETTINGS), &slot, &fresh,
				  BPF_ANY);
	for (; slot < KEY_SLOTS && !err; slot++) {
		err = bpf_map_lookup_elem(keys_fd, &slot, &key);
		if (!err)
			err = bpf_map_update_elem(loader_map_fd(l, MAP_KEYS),
						  &slot, &key, BPF_ANY);
	}
	explicit_bzero(&key, sizeof(key));
out:
	l->kept_keys = !err;
	if (err)
		log_warn("%s: the cookie keys cannot be taken over: cookies in "
			 "flight become invalid",
			 l->pin_dir);
	free(old);
	if (keys_fd >= 0)
		close(keys_fd);
	if (settings_fd >= 0)
		close(settings_fd);
}
