/* SPDX-License-Identifier: GPL-2.0-only */
/* Theory of operation: see loader.h. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "loader.h"
#include "log.h"
#include "kernel/pins.h"
#include "synkeeper.skel.h"

static struct bpf_map *map_of(const struct loader *l, enum loader_map map)
{
	struct synkeeper_bpf *s = l->skel;
	struct bpf_map *maps[MAP_COUNT] = {
		[MAP_SETTINGS] = s->maps.settings,
		[MAP_KEYS] = s->maps.keys,
		[MAP_PORTS] = s->maps.ports,
		[MAP_ENDPOINTS] = s->maps.endpoints,
		[MAP_LOCAL_ADDRS] = s->maps.local_addrs,
		[MAP_IFACES] = s->maps.ifaces,
		[MAP_SERVICES] = s->maps.services,
		[MAP_COUNTERS] = s->maps.counters,
		[MAP_WOULD] = s->maps.would,
		[MAP_PREFIXES] = s->maps.prefixes,
		[MAP_SOURCES] = s->maps.sources,
		[MAP_SESSION_TAGS] = s->maps.session_tags,
		[MAP_SESSION_MARKS] = s->maps.session_marks,
		[MAP_SESSIONS] = s->maps.sessions,
		[MAP_TOTALS] = s->maps.totals,
		[MAP_EVENTS] = s->maps.events,
		[MAP_SAMPLES] = s->maps.samples,
	};

	return maps[map];
}

int loader_map_fd(const struct loader *l, enum loader_map map)
{
	return bpf_map__fd(map_of(l, map));
}

const char *loader_map_name(const struct loader *l, enum loader_map map)
{
	return bpf_map__name(map_of(l, map));
}

static size_t in_pages(size_t size)
{
	size_t page = sysconf(_SC_PAGESIZE);

	return (size + page - 1) / page * page;
}

void *loader_mmap(const struct loader *l, enum loader_map map, size_t size)
{
	void *at = mmap(NULL, in_pages(size), PROT_READ | PROT_WRITE,
			MAP_SHARED, loader_map_fd(l, map), 0);

	return at == MAP_FAILED ? NULL : at;
}

void loader_munmap(void *at, size_t size)
{
	if (at)
		munmap(at, in_pages(size));
}

bool loader_is_open(const struct loader *l)
{
	return l->skel;
}

int loader_xdp_fd(const struct loader *l)
{
	return bpf_program__fd(l->skel->progs.synkeeper_xdp);
}

int loader_xdp_frags_fd(const struct loader *l)
{
	return bpf_program__fd(l->skel->progs.synkeeper_xdp_f);
}

int loader_tc_fd(const struct loader *l)
{
	return l->has[FEATURE_ASSIGN]
		       ? bpf_program__fd(l->skel->progs.synkeeper_admit)
		       : -1;
}

int loader_egress_fd(const struct loader *l)
{
	return bpf_program__fd(l->skel->progs.synkeeper_egress);
}

/* What the programs need of the kernel, asked before the verifier is. */
static int check_kernel(struct loader *l)
{
	const struct feature_info *f;
	int i;

	if (feature_probe(l->has)) {
		log_err("/sys/kernel/btf/vmlinux cannot be read: %s",
			feature_btf_cure());
		return -ENOTSUP;
	}
	for (i = 0; i < FEATURES; i++) {
		f = &feature_infos[i];
		if (l->has[i])
			continue;
		if (!f->without) {
			log_err("this kernel lacks %s: Linux %s or later is "
				"needed",
				f->name, f->since);
			return -ENOTSUP;
		}
		log_info("this kernel lacks %s (Linux %s): %s do instead",
			 f->name, f->since, f->without);
	}
	return 0;
}

static int open_pinned(const struct loader *l, enum loader_map map)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/maps/%s", l->pin_dir,
		 bpf_map__name(map_of(l, map)));
	return bpf_obj_get(path);
}

/* Would our program find in @fd what it expects of @map? */
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
 * Takes the maps of an earlier instance over, all or none. The session table
 * may have another size than configured: keeping the sessions matters more,
 * and it is said.
 */
static int take_over(struct loader *l)
{
	__u32 zero = 0, i,
	      sets = bpf_map__max_entries(map_of(l, MAP_SESSION_TAGS));
	struct settings cfg = {};
	int fds[MAP_COUNT], err = 0;
	bool fit = true;

	for (i = 0; i < MAP_COUNT; i++) {
		bool table = i == MAP_SESSION_TAGS || i == MAP_SESSION_MARKS ||
			     i == MAP_SESSIONS;

		fds[i] = open_pinned(l, i);
		fit = fit && fds[i] >= 0 &&
		      map_fits(map_of(l, i), fds[i], table);
	}
	if (fds[MAP_SETTINGS] < 0)
		goto out; /* nothing was left here */
	if (!fit || bpf_map_lookup_elem(fds[MAP_SETTINGS], &zero, &cfg) ||
	    cfg.abi != ABI_VERSION) {
		log_warn("%s: maps of another version (ABI %u, this is %u): "
			 "replaced; sessions are adopted again from their "
			 "sockets",
			 l->pin_dir, cfg.abi, ABI_VERSION);
		l->replaces = true;
		goto out;
	}
	for (i = 0; i < MAP_COUNT && !err; i++)
		err = bpf_map__reuse_fd(map_of(l, i), fds[i]);
	if (err) {
		log_err("%s: cannot take the maps over: %s", l->pin_dir,
			strerror(-err));
		goto out;
	}
	l->took_over = l->kept_keys = true;
	if (cfg.set_mask + 1 != sets)
		log_warn("%s: the session table keeps its %u slots; synkeeper "
			 "down and a new start change its size",
			 l->pin_dir, (cfg.set_mask + 1) * SET_WAYS);
out:
	for (i = 0; i < MAP_COUNT; i++)
		if (fds[i] >= 0)
			close(fds[i]); /* reuse_fd() made its own */
	return err;
}

/* Of the __u32 that settings consist of. */
enum { EPOCH_AT = offsetof(struct settings, epoch) / sizeof(__u32) };
_Static_assert(EPOCH_AT == 2, "abi, flags, epoch: in every version");

/*
 * Copies the keys of maps that are being replaced, and the epoch, which names
 * the current one. Keys of another version are the same if they are as large.
 */
static void inherit_keys(struct loader *l)
{
	int keys_fd = open_pinned(l, MAP_KEYS);
	int settings_fd = open_pinned(l, MAP_SETTINGS);
	struct settings fresh = {};
	struct bpf_map_info info = {};
	__u32 len = sizeof(info), slot, *old = NULL;
	struct cookie_key key = {};
	int err = -EPROTO;

	if (keys_fd < 0 || settings_fd < 0 ||
	    !map_fits(map_of(l, MAP_KEYS), keys_fd, false) ||
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
			 "flight are lost",
			 l->pin_dir);
	free(old);
	if (keys_fd >= 0)
		close(keys_fd);
	if (settings_fd >= 0)
		close(settings_fd);
}

/* Twice as many slots as sessions, and a power of two of sets. */
static __u32 sets_for(unsigned int sessions)
{
	__u32 sets = 1;

	while (sets * SET_WAYS < sessions * 2ULL)
		sets *= 2;
	return sets;
}

int loader_open(struct loader *l, const struct config *c)
{
	__u32 sets = sets_for(c->sessions_max);
	int err;

	*l = (struct loader){ .pin_dir = c->pin_dir,
			      .lock_fd = -1,
			      .spare = { -1, -1 } };
	err = check_kernel(l);
	if (!err)
		err = loader_ensure_bpffs(l->pin_dir);
	if (!err)
		err = loader_claim(l);
	if (err)
		goto fail;

	l->skel = synkeeper_bpf__open();
	if (!l->skel) {
		err = -errno;
		log_err("cannot open the BPF object: %s", strerror(errno));
		goto fail;
	}
	bpf_program__set_autoload(l->skel->progs.synkeeper_admit,
				  l->has[FEATURE_ASSIGN]);
	bpf_map__set_max_entries(l->skel->maps.session_tags, sets);
	bpf_map__set_max_entries(l->skel->maps.session_marks, sets / 64);
	bpf_map__set_max_entries(l->skel->maps.sessions, sets * SET_WAYS);
	err = take_over(l);
	if (err)
		goto fail;
	err = synkeeper_bpf__load(l->skel);
	if (err == -ENOMEM) {
		log_err("no memory for the maps: a table for %u sessions takes "
			"%u MB: lower [sessions] max, or allow synkeeperd more",
			c->sessions_max,
			(unsigned int)((__u64)sets * SET_WAYS *
					       sizeof(struct session) >>
				       20));
		goto fail;
	}
	if (err) {
		log_libbpf();
		log_err("the kernel refused the BPF programs: %s: synkeeper "
			"check tells what is missing",
			strerror(-err));
		goto fail;
	}
	if (l->replaces)
		inherit_keys(l);
	loader_spare(l);
	return 0;
fail:
	if (l->made_dir)
		rmdir(l->pin_dir);
	loader_close(l);
	return err;
}

/* Pins @fd at @path in one step, over whatever was there. */
static int pin_over(int fd, const char *path)
{
	char fresh[PATH_MAX];

	snprintf(fresh, sizeof(fresh), "%s_new", path);
	unlink(fresh);
	if (bpf_obj_pin(fd, fresh) || rename(fresh, path)) {
		int err = -errno;

		log_err("%s: cannot pin: %s", path, strerror(-err));
		return err;
	}
	return 0;
}

int loader_pin(struct loader *l)
{
	char path[PATH_MAX];
	int i, err;

	snprintf(path, sizeof(path), "%s/links", l->pin_dir);
	mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s/maps", l->pin_dir);
	if (mkdir(path, 0700) && errno != EEXIST) {
		log_err("%s: %s", path, strerror(errno));
		return -errno;
	}
	for (i = 0; i < MAP_COUNT && !l->took_over; i++) {
		snprintf(path, sizeof(path), "%s/maps/%s", l->pin_dir,
			 bpf_map__name(map_of(l, i)));
		err = pin_over(loader_map_fd(l, i), path);
		if (err)
			return err;
	}
	for (i = 0; i < PINS_PROGRAMS; i++) {
		const int fds[PINS_PROGRAMS] = { loader_xdp_fd(l),
						 loader_xdp_frags_fd(l),
						 loader_tc_fd(l),
						 loader_egress_fd(l) };

		if (fds[i] < 0)
			continue; /* left out */
		snprintf(path, sizeof(path), "%s/%s", l->pin_dir,
			 pins_programs[i]);
		err = pin_over(fds[i], path);
		if (err)
			return err;
	}
	return 0;
}

void loader_unpin(struct loader *l)
{
	if (pins_remove(l->pin_dir) < 0)
		rmdir(l->pin_dir);
}

void loader_close(struct loader *l)
{
	int *fds[] = { &l->lock_fd, &l->spare[0], &l->spare[1] };
	size_t i;

	synkeeper_bpf__destroy(l->skel);
	l->skel = NULL;
	for (i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		if (*fds[i] >= 0)
			close(*fds[i]);
		*fds[i] = -1;
	}
}
