/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: what an earlier instance left in the pin directory. Its
 * maps are taken over if the state in them has this version's layout; those
 * that the daemon derives are then replaced where theirs is another. Otherwise
 * only the cookie keys are taken over, if their layout is ours. See loader.h.
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
#include "synkeeper/stats_rows.h"

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

/* ---- maps that can be replaced one by one ---- */

static int carry_nothing(int from, int to)
{
	(void)from;
	(void)to;
	return 0;
}

/* Values in @cpus parts each, which later versions append to. */
static int carry_values(int from, int to, __u32 cpus)
{
	struct bpf_map_info was = {}, now = {};
	__u32 len = sizeof(was), id, cpu;
	char *old, *new;
	size_t part;
	int err;

	if (bpf_obj_get_info_by_fd(from, &was, &len) ||
	    bpf_obj_get_info_by_fd(to, &now, &len))
		return -errno;
	part = was.value_size < now.value_size ? was.value_size
					       : now.value_size;
	old = calloc(cpus, was.value_size);
	new = calloc(cpus, now.value_size);
	err = old && new ? 0 : -ENOMEM;
	for (id = 0; id < was.max_entries && id < now.max_entries; id++) {
		if (err || bpf_map_lookup_elem(from, &id, old))
			break;
		for (cpu = 0; cpu < cpus; cpu++)
			memcpy(new + (size_t)cpu *now.value_size,
			       old + (size_t)cpu * was.value_size, part);
		if (bpf_map_update_elem(to, &id, new, BPF_ANY))
			err = -errno;
	}
	free(old);
	free(new);
	return err;
}

static int carry_counters(int from, int to)
{
	int cpus = libbpf_num_possible_cpus();

	return cpus < 0 ? cpus : carry_values(from, to, cpus);
}

static int carry_monitored(int from, int to)
{
	return carry_values(from, to, 1);
}

/* What endpoints were until ABI 6, and what that means now. */
struct port_services_6 {
	__u8 any4[ENDPOINT_SIZE_6], any6[ENDPOINT_SIZE_6];
	__u32 exact, pad;
};

static bool has_value_size(int fd, __u32 size)
{
	struct bpf_map_info info = {};
	__u32 len = sizeof(info);

	return !bpf_obj_get_info_by_fd(fd, &info, &len) &&
	       info.value_size == size;
}

static int carry_ports(int from, int to)
{
	static const struct port_services_6 none;
	struct port_services_6 old;
	__u32 port;

	if (!has_value_size(from, sizeof(old)))
		return 0;
	for (port = 0; port < PORTS_MAX; port++) {
		struct port_services new = {};

		if (bpf_map_lookup_elem(from, &port, &old) ||
		    !memcmp(&old, &none, sizeof(old)))
			continue;
		memcpy(&new.any4, old.any4, sizeof(old.any4));
		memcpy(&new.any6, old.any6, sizeof(old.any6));
		new.exact = old.exact;
		if (bpf_map_update_elem(to, &port, &new, BPF_ANY))
			return -errno;
	}
	return 0;
}

static int carry_endpoints(int from, int to)
{
	struct endpoint_key key, *prev = NULL, next;

	if (!has_value_size(from, ENDPOINT_SIZE_6))
		return 0;
	while (!bpf_map_get_next_key(from, prev, &next)) {
		struct endpoint ep = {};

		key = next;
		prev = &key;
		if (!bpf_map_lookup_elem(from, &key, &ep) &&
		    bpf_map_update_elem(to, &key, &ep, BPF_ANY))
			return -errno;
	}
	return 0;
}

/* ---- the session table ---- */

enum {
	SETTINGS_SIZE_8 = 80, /* then came the places of the summary */
	TAGS_SIZE_8 = 16,     /* of a set: 8 bits each */
};

static __u32 entries_of(int fd)
{
	struct bpf_map_info info = {};
	__u32 len = sizeof(info);

	return bpf_obj_get_info_by_fd(fd, &info, &len) ? 0 : info.max_entries;
}

/* They grow at their end. The new table lacks what the former one has. */
static int carry_settings(int from, int to)
{
	struct settings cfg = {};
	__u32 zero = 0;
	int err = carry_values(from, to, 1);

	if (err || bpf_map_lookup_elem(to, &zero, &cfg))
		return err ? err : -errno;
	cfg.flags &= ~SETTING_COMPLETE;
	return bpf_map_update_elem(to, &zero, &cfg, BPF_ANY) ? -errno : 0;
}

static bool is_table(enum loader_map map)
{
	return map == MAP_SESSION_TAGS || map == MAP_SESSION_SUMMARY ||
	       map == MAP_INCOMPLETE_SETS || map == MAP_SESSIONS;
}

/* Do @fds have a session table of before ABI 9, and its settings? */
static bool has_former_table(const int fds[MAP_COUNT])
{
	return has_value_size(fds[MAP_SETTINGS], SETTINGS_SIZE_8) &&
	       has_value_size(fds[MAP_SESSION_TAGS], TAGS_SIZE_8) &&
	       has_value_size(fds[MAP_SESSIONS], sizeof(struct session)) &&
	       entries_of(fds[MAP_SESSIONS]) ==
		       entries_of(fds[MAP_SESSION_TAGS]) * SET_WAYS;
}

/* Are they rows of totals? Until ABI 8 there was one. */
static bool has_rows(int fd)
{
	return stats_rows(entries_of(fd)) &&
	       has_value_size(fd, sizeof(struct session_totals));
}

/*
 * Maps that the daemon fills anew at each start, or knows how to translate.
 * NULL: state, which can only be taken over as a whole. Settings and the
 * session table: as has_former_table() says; see session/former.h. Totals: if
 * has_rows(); see totals.h. Splices: replaced only if there are none.
 */
static int (*const carry[MAP_COUNT])(int from, int to) = {
	[MAP_EPOCH_KEYS] = carry_nothing,
	[MAP_PORTS] = carry_ports,
	[MAP_ENDPOINTS] = carry_endpoints,
	[MAP_LOCAL_ADDRS] = carry_nothing,
	[MAP_IFACES] = carry_nothing,
	[MAP_COUNTERS] = carry_counters,
	[MAP_MONITORED] = carry_monitored,
	[MAP_PREFIXES] = carry_nothing,
	[MAP_SOURCES] = carry_nothing,
	[MAP_EVENTS] = carry_nothing,
	[MAP_SAMPLES] = carry_nothing,
	[MAP_TC_PROGRAMS] = carry_nothing,
	[MAP_ROUTE_METRICS] = carry_nothing,
	[MAP_ROUTE_RULES] = carry_nothing,
	[MAP_RULED_METRICS] = carry_nothing,
	[MAP_SETTINGS] = carry_settings,
	[MAP_SESSION_TAGS] = carry_nothing,
	[MAP_SESSIONS] = carry_nothing,
	[MAP_INCOMPLETE_SETS] = carry_nothing,
	[MAP_SESSION_SUMMARY] = carry_nothing,
	[MAP_TOTALS] = carry_nothing,
	[MAP_SPLICES] = carry_nothing,
	[MAP_SERVERS] = carry_nothing,
};

static bool can_carry(enum loader_map map, const int fds[MAP_COUNT])
{
	if (is_table(map) || map == MAP_SETTINGS)
		return has_former_table(fds);
	if (map == MAP_TOTALS)
		return has_rows(fds[map]);
	return carry[map];
}

/* Takes @fd, if it is of a table or totals that are to be moved. */
static bool keep_former(struct loader *l, enum loader_map map, int fd)
{
	if (map == MAP_SESSION_TAGS)
		l->former_tags_fd = fd;
	else if (map == MAP_SESSIONS)
		l->former_sessions_fd = fd;
	else if (map == MAP_TOTALS)
		l->former_totals_fd = fd;
	else
		return false;
	return true;
}

void loader_carry(struct loader *l)
{
	int i, fd, err;

	for (i = 0; i < MAP_COUNT; i++) {
		fd = l->fresh[i] && carry[i] ? open_pinned(l, i) : -1;
		if (fd < 0)
			continue; /* in use, or there was none */
		err = carry[i](fd, loader_map_fd(l, i));
		if (err)
			log_warn("%s: cannot take over the map %s: %s",
				 l->pin_dir, loader_map_name(l, i),
				 strerror(-err));
		if (!keep_former(l, i, fd))
			close(fd);
	}
}

/* ---- take-over ---- */

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

/* Does the hash map @fd have any entry? */
static bool has_entries(int fd)
{
	struct tuple first;

	return !bpf_map_get_next_key(fd, NULL, &first);
}

/* The session table may have any size, and splices that are in use. */
static bool fits(const struct loader *l, enum loader_map map, int fd)
{
	bool any_size = is_table(map) ||
			(map == MAP_SPLICES && fd >= 0 && has_entries(fd));

	return fd >= 0 && map_fits(loader_map(l, map), fd, any_size);
}

/* Has an instance with these maps the same state as this version? */
static bool has_our_state(const struct loader *l, const int fds[MAP_COUNT],
			  struct settings *ret)
{
	__u32 zero = 0;
	int i;

	*ret = (struct settings){};
	for (i = 0; i < MAP_COUNT; i++)
		if (!can_carry(i, fds) && !fits(l, i, fds[i]))
			return false;
	return !bpf_map_lookup_elem(fds[MAP_SETTINGS], &zero, ret) &&
	       ret->abi >= ABI_TAKEN_OVER && ret->abi <= ABI_VERSION;
}

static int reuse(struct loader *l, const int fds[MAP_COUNT])
{
	bool former = has_former_table(fds);
	int i, err;

	for (i = 0; i < MAP_COUNT; i++) {
		if (!fits(l, i, fds[i]) || (former && is_table(i))) {
			l->fresh[i] = l->replaces = true;
			continue;
		}
		err = bpf_map__reuse_fd(loader_map(l, i), fds[i]);
		if (err) {
			log_err("%s: cannot take over the maps: %s", l->pin_dir,
				strerror(-err));
			return err;
		}
	}
	l->took_over = l->kept_keys = true;
	return 0;
}

/*
 * The session table may differ from the configured size: keeping the sessions
 * matters more, and the difference is logged.
 */
int loader_take_over(struct loader *l)
{
	__u32 sets = bpf_map__max_entries(loader_map(l, MAP_SESSION_TAGS));
	int fds[MAP_COUNT], i, err = 0;
	struct settings cfg;

	for (i = 0; i < MAP_COUNT; i++)
		fds[i] = open_pinned(l, i);
	if (fds[MAP_SETTINGS] < 0)
		goto out; /* nothing was left here */
	if (!has_our_state(l, fds, &cfg)) {
		log_warn("%s: maps of another version (ABI %u, this is %u): "
			 "replaced; sessions are adopted again from their "
			 "sockets",
			 l->pin_dir, cfg.abi, ABI_VERSION);
		l->replaces = true;
		goto out;
	}
	err = reuse(l, fds);
	if (!err && !l->fresh[MAP_SESSION_TAGS] && cfg.set_mask + 1 != sets)
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
