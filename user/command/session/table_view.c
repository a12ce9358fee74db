/* SPDX-License-Identifier: GPL-2.0-only */
#include <bpf/bpf.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kernel/clock.h"
#include "kernel/pins.h"
#include "session/session_copy.h"
#include "synkeeper/session_table.h"
#include "table_view.h"

struct known_service {
	bool asked;
	struct service_info info; /* .used 0: no such service */
};

/* Not BPF_F_RDONLY: the kernel refuses to mmap() such a descriptor. */
static int open_map(const struct cmd *c, const char *name)
{
	char path[PATH_MAX], why[PINS_WHY_MAX];
	int dir_fd = pins_open(c->pin_dir, why), fd;

	if (dir_fd == -EPERM) {
		cmd_failed(c, NULL, "%s", why);
		return -1;
	}
	if (dir_fd >= 0)
		close(dir_fd);
	snprintf(path, sizeof(path), "%s/maps/%s", c->pin_dir, name);
	fd = bpf_obj_get(path);
	if (fd >= 0)
		return fd;
	switch (errno) {
	case ENOENT:
		cmd_failed(c, "is synkeeperd running, and with this --pin-dir?",
			   "nothing is pinned at %s", path);
		break;
	case EACCES:
	case EPERM:
		cmd_failed(c, "run as root", "no permission to open %s", path);
		break;
	default:
		cmd_failed(c, NULL, "%s: %s", path, strerror(errno));
	}
	return -1;
}

/* Maps a whole array read-only. Returns NULL after a message on failure. */
static const void *map_array(const struct cmd *c, const char *name,
			     size_t value_size, __u32 *ret_entries,
			     size_t *ret_size)
{
	struct bpf_map_info info = {};
	__u32 len = sizeof(info);
	void *mem = MAP_FAILED;
	int fd = open_map(c, name);

	if (fd < 0)
		return NULL;
	if (bpf_obj_get_info_by_fd(fd, &info, &len)) {
		cmd_failed(c, NULL, "map %s: %s", name, strerror(errno));
	} else if (info.value_size != value_size ||
		   !(info.map_flags & BPF_F_MMAPABLE)) {
		cmd_failed(c, "use the synkeeper of the daemon's version",
			   "map %s has a different layout", name);
	} else {
		mem = mmap(NULL, value_size * info.max_entries, PROT_READ,
			   MAP_SHARED, fd, 0);
		if (mem == MAP_FAILED)
			cmd_failed(c, NULL, "cannot map %s: %s", name,
				   strerror(errno));
	}
	close(fd); /* the mapping holds the map */
	if (mem == MAP_FAILED)
		return NULL;
	*ret_entries = info.max_entries;
	*ret_size = value_size * info.max_entries;
	return mem;
}

static int read_settings(const struct cmd *c, struct settings *ret)
{
	int fd = open_map(c, "settings"), err;
	__u32 zero = 0;

	if (fd < 0)
		return -1;
	err = bpf_map_lookup_elem(fd, &zero, ret);
	close(fd);
	if (!err && ret->abi == ABI_VERSION)
		return 0;
	cmd_failed(c, "use the synkeeper of the daemon's version",
		   "the maps have ABI %u, this command expects %d", ret->abi,
		   ABI_VERSION);
	return -1;
}

void table_view_close(struct session_table *t)
{
	if (t->tags)
		munmap((void *)t->tags, t->tags_size);
	if (t->sessions)
		munmap((void *)t->sessions, t->sessions_size);
	if (t->services_fd >= 0)
		close(t->services_fd);
	free(t->services);
}

int table_view_open(const struct cmd *c, struct session_table *ret)
{
	struct session_table t = { .services_fd = -1 };
	__u32 slots = 0;

	if (read_settings(c, &t.settings))
		return -1;
	t.tags = map_array(c, "session_tags", sizeof(*t.tags), &t.sets,
			   &t.tags_size);
	if (t.tags)
		t.sessions = map_array(c, "sessions", sizeof(*t.sessions),
				       &slots, &t.sessions_size);
	if (t.sessions)
		t.services_fd = open_map(c, "services");
	if (t.services_fd < 0)
		goto fail;
	if (slots != t.sets * SET_WAYS || t.settings.set_mask >= t.sets) {
		cmd_failed(c, "use the synkeeper of the daemon's version",
			   "%u session slots do not match %u sets", slots,
			   t.sets);
		goto fail;
	}
	*ret = t;
	return 0;
fail:
	table_view_close(&t);
	return -1;
}

static const struct session *line_of(const struct session_table *t, __u32 slot)
{
	return &t->sessions[table_line(t->sets, slot)];
}

bool table_view_next(const struct session_table *t, size_t *pos,
		     struct session *ret)
{
	while (*pos < (size_t)t->sets * SET_WAYS) {
		__u32 set = *pos / SET_WAYS, way = *pos % SET_WAYS;

		if (!way && table_is_empty(&t->tags[set])) {
			*pos += SET_WAYS;
			continue;
		}
		(*pos)++;
		if (table_tag(&t->tags[set], way) &&
		    session_snapshot(line_of(t, *pos - 1), ret))
			return true;
	}
	return false;
}

bool table_view_find(const struct session_table *t, const struct tuple *tuple,
		     struct session *ret)
{
	struct table_hash h;
	__u32 set, way;

	table_hash(&t->settings, tuple, &h);
	set = h.set & t->settings.set_mask;
	for (way = 0; way < SET_WAYS; way++)
		if (table_tag(&t->tags[set], way) == h.tag &&
		    session_snapshot(line_of(t, set * SET_WAYS + way), ret) &&
		    tuple_equal(&ret->tuple, tuple))
			return true;
	return false;
}

const struct service_info *table_view_service(struct session_table *t, __u16 id)
{
	struct known_service *known;
	__u32 key = id;

	if (!t->services) /* pages never touched cost nothing */
		t->services = calloc(SERVICES_MAX, sizeof(*t->services));
	if (!t->services || id >= SERVICES_MAX)
		return NULL;
	known = &t->services[id];
	if (!known->asked) {
		known->asked = true;
		if (bpf_map_lookup_elem(t->services_fd, &key, &known->info))
			known->info.used = 0;
		known->info.name[SERVICE_NAME_MAX - 1] = '\0';
	}
	return known->info.used ? &known->info : NULL;
}

__u32 table_view_now(void)
{
	return ns_to_ticks(clock_ns());
}
