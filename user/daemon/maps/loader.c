/* SPDX-License-Identifier: GPL-2.0-only */
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

#include "kernel/forwarding.h"
#include "loader.h"
#include "log.h"
#include "kernel/pins.h"
#include "synkeeper.skel.h"
#include "synkeeper/stats_rows.h"

struct bpf_map *loader_map(const struct loader *l, enum loader_map map)
{
	struct synkeeper_bpf *s = l->skel;
	struct bpf_map *maps[MAP_COUNT] = {
		[MAP_SETTINGS] = s->maps.settings,
		[MAP_KEYS] = s->maps.keys,
		[MAP_EPOCH_KEYS] = s->maps.epoch_keys,
		[MAP_PORTS] = s->maps.ports,
		[MAP_ENDPOINTS] = s->maps.endpoints,
		[MAP_LOCAL_ADDRS] = s->maps.local_addrs,
		[MAP_ROUTE_METRICS] = s->maps.route_metrics,
		[MAP_ROUTE_RULES] = s->maps.route_rules,
		[MAP_RULED_METRICS] = s->maps.ruled_metrics,
		[MAP_IFACES] = s->maps.ifaces,
		[MAP_SERVICES] = s->maps.services,
		[MAP_COUNTERS] = s->maps.counters,
		[MAP_MONITORED] = s->maps.monitored,
		[MAP_PREFIXES] = s->maps.prefixes,
		[MAP_SOURCES] = s->maps.sources,
		[MAP_SESSION_TAGS] = s->maps.session_tags,
		[MAP_SESSION_SUMMARY] = s->maps.session_summary,
		[MAP_INCOMPLETE_SETS] = s->maps.incomplete_sets,
		[MAP_SESSIONS] = s->maps.sessions,
		[MAP_TOTALS] = s->maps.totals,
		[MAP_EVENTS] = s->maps.events,
		[MAP_SAMPLES] = s->maps.samples,
		[MAP_TC_PROGRAMS] = s->maps.tc_programs,
		[MAP_SPLICES] = s->maps.splices,
		[MAP_SERVERS] = s->maps.servers,
	};

	return maps[map];
}

int loader_map_fd(const struct loader *l, enum loader_map map)
{
	return bpf_map__fd(loader_map(l, map));
}

const char *loader_map_name(const struct loader *l, enum loader_map map)
{
	return bpf_map__name(loader_map(l, map));
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

int loader_xdp_fd(const struct loader *l)
{
	return bpf_program__fd(l->skel->progs.synkeeper_xdp);
}

int loader_xdp_frags_fd(const struct loader *l)
{
	return bpf_program__fd(l->skel->progs.synkeeper_xdp_f);
}

/* Without the function there are only spliced connections to handle. */
static bool loader_has_ingress(const struct loader *l)
{
	return l->has[FEATURE_ASSIGN] || l->splices;
}

int loader_tc_fd(const struct loader *l)
{
	return loader_has_ingress(l)
		       ? bpf_program__fd(l->skel->progs.synkeeper_admit)
		       : -1;
}

int loader_egress_fd(const struct loader *l)
{
	return bpf_program__fd(l->skel->progs.synkeeper_egress);
}

int loader_front_fd(const struct loader *l, enum tc_program which)
{
	if (!l->has[FEATURE_TCX])
		return -1;
	if (which == TC_PROGRAM_OUT)
		return bpf_program__fd(l->skel->progs.synkeeper_front_out);
	return loader_has_ingress(l)
		       ? bpf_program__fd(l->skel->progs.synkeeper_front_in)
		       : -1;
}

/* What the second instances call; after a takeover, replaced by ours. */
static int set_tc_programs(const struct loader *l)
{
	const int fds[TC_PROGRAMS] = { [TC_PROGRAM_IN] = loader_tc_fd(l),
				       [TC_PROGRAM_OUT] = loader_egress_fd(l) };
	int array = loader_map_fd(l, MAP_TC_PROGRAMS);
	__u32 i;

	for (i = 0; i < TC_PROGRAMS; i++) {
		if (fds[i] >= 0 &&
		    bpf_map_update_elem(array, &i, &fds[i], BPF_ANY)) {
			log_err("cannot set up the tc programs: %s",
				strerror(errno));
			return -errno;
		}
	}
	return 0;
}

/*
 * Checks the kernel features that the programs need, before the verifier does.
 */
static int check_kernel(struct loader *l)
{
	const struct feature_info *f;
	int i;

	if (feature_probe(l->has)) {
		log_err("/sys/kernel/btf/vmlinux cannot be read: %s",
			feature_btf_fix());
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
		log_info("this kernel lacks %s (Linux %s): using %s instead",
			 f->name, f->since, f->without);
	}
	return 0;
}

/* Twice as many slots as sessions, in a power of two of sets. */
static __u32 sets_for(unsigned int sessions)
{
	__u32 sets = 1;

	while (sets * SET_WAYS < sessions * 2ULL)
		sets *= 2;
	return sets;
}

/* One for each CPU, within the limit; a power of two. */
static __u32 rows_for_cpus(void)
{
	int cpus = libbpf_num_possible_cpus();
	__u32 rows = 1;

	while ((int)rows < cpus && rows < STATS_ROWS_MAX)
		rows *= 2;
	return rows;
}

__u32 loader_rows(const struct loader *l, enum loader_map map)
{
	return stats_rows(bpf_map__max_entries(loader_map(l, map)));
}

__u32 loader_holds(const struct loader *l)
{
	return bpf_map__max_entries(l->skel->maps.holds);
}

/* Leaves out what this kernel cannot load. */
static void select_programs(const struct loader *l)
{
	const struct synkeeper_bpf *s = l->skel;
	bool ingress = loader_has_ingress(l), tcx = l->has[FEATURE_TCX];

	bpf_program__set_autoload(s->progs.synkeeper_admit, ingress);
	bpf_program__set_autoload(s->progs.synkeeper_front_in, ingress && tcx);
	bpf_program__set_autoload(s->progs.synkeeper_front_out, tcx);
}

/* For a table of @sets, and the CPUs of this host. */
static void size_maps(const struct loader *l, __u32 sets)
{
	const struct synkeeper_bpf *s = l->skel;
	__u32 counted = stats_entries(rows_for_cpus());

	bpf_map__set_max_entries(s->maps.session_tags, sets);
	bpf_map__set_max_entries(s->maps.session_summary, sets * 2);
	bpf_map__set_max_entries(s->maps.incomplete_sets, sets / 64);
	bpf_map__set_max_entries(s->maps.sessions, sets * SET_WAYS);
	bpf_map__set_max_entries(s->maps.totals, counted);
	bpf_map__set_max_entries(s->maps.monitored, counted);
}

/* For as many connections with servers behind this host. */
static void size_splices(const struct loader *l, __u32 splices, __u32 holds)
{
	bpf_map__set_max_entries(l->skel->maps.splices, splices);
	bpf_map__set_max_entries(l->skel->maps.holds, holds);
}

int loader_open(struct loader *l, const struct config *c)
{
	__u32 sets = sets_for(c->sessions_max);
	int err;

	*l = (struct loader)LOADER_CLOSED;
	l->pin_dir = c->pin_dir;
	l->splices = config_has_splices(c, forwarding_of_host());
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
	select_programs(l);
	size_maps(l, sets);
	if (l->splices)
		size_splices(l, c->gateway.connections, c->gateway.holds);
	else
		size_splices(l, 1, 1);
	err = loader_take_over(l);
	if (err)
		goto fail;
	err = synkeeper_bpf__load(l->skel);
	if (err == -ENOMEM) {
		log_err("out of memory for the maps: a table for %u sessions "
			"takes %u MB: lower [sessions] max, or raise "
			"synkeeperd's memory limit",
			c->sessions_max,
			(unsigned int)((__u64)sets * SET_WAYS *
					       sizeof(struct session) >>
				       20));
		goto fail;
	}
	if (err) {
		log_libbpf();
		log_err("the kernel refused the BPF programs: %s: run "
			"synkeeper check to see what is missing",
			strerror(-err));
		goto fail;
	}
	if (l->took_over)
		loader_carry(l);
	else if (l->replaces)
		loader_inherit_keys(l);
	err = set_tc_programs(l);
	if (err)
		goto fail;
	return 0;
fail:
	if (l->made_dir)
		rmdir(l->pin_dir);
	loader_close(l);
	return err;
}

/* Pins @fd at @path atomically, replacing any previous pin. */
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

/*
 * A map that was taken over is pinned already, perhaps under its former name.
 */
static int pin_map(const struct loader *l, enum loader_map map)
{
	char path[PATH_MAX], former[PATH_MAX];
	int err;

	snprintf(path, sizeof(path), "%s/maps/%s", l->pin_dir,
		 bpf_map__name(loader_map(l, map)));
	if (l->took_over && !l->fresh[map] && !access(path, F_OK))
		return 0;
	err = pin_over(loader_map_fd(l, map), path);
	if (!err && loader_former_path(l, map, former, sizeof(former)))
		unlink(former);
	return err;
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
	for (i = 0; i < MAP_COUNT; i++) {
		err = pin_map(l, i);
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

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void loader_close(struct loader *l)
{
	synkeeper_bpf__destroy(l->skel);
	l->skel = NULL;
	close_fd(&l->former_tags_fd);
	close_fd(&l->former_sessions_fd);
	close_fd(&l->former_totals_fd);
	close_fd(&l->lock_fd);
}
