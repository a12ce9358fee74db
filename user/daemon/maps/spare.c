/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the tc programs loaded a second time, on the same maps.
 * tcx takes no program twice and moves none, so the second instance is what
 * goes in front of somebody else's, see attach.h. It is made at the start:
 * later the daemon lacks the privilege.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "loader.h"
#include "log.h"
#include "synkeeper.skel.h"

static int share_maps(const struct synkeeper_bpf *from, struct bpf_object *to)
{
	const struct bpf_map *there;
	struct bpf_map *map = NULL;
	int err = 0;

	while (!err && (map = bpf_object__next_map(to, map))) {
		there = bpf_object__find_map_by_name(from->obj,
						     bpf_map__name(map));
		if (there)
			err = bpf_map__reuse_fd(map, bpf_map__fd(there));
	}
	return err;
}

/* All others have been loaded once, and that is enough. */
static void choose_programs(const struct loader *l, struct synkeeper_bpf *s)
{
	struct bpf_program *p = NULL;

	while ((p = bpf_object__next_program(s->obj, p)))
		bpf_program__set_autoload(
			p, p == s->progs.synkeeper_egress ||
				   (p == s->progs.synkeeper_admit &&
				    l->has[FEATURE_ASSIGN]));
}

static int keep(const struct bpf_program *prog)
{
	return fcntl(bpf_program__fd(prog), F_DUPFD_CLOEXEC, 3);
}

int loader_spare(struct loader *l)
{
	struct synkeeper_bpf *s;
	int err;

	if (!l->has[FEATURE_TCX])
		return 0;
	s = synkeeper_bpf__open();
	if (!s)
		return -errno;
	choose_programs(l, s);
	err = share_maps(l->skel, s->obj);
	if (!err)
		err = bpf_object__load(s->obj);
	if (err) {
		log_warn("the tc programs cannot be loaded twice: %s: they "
			 "stay behind a neighbour that goes in front of them",
			 strerror(-err));
	} else {
		if (l->has[FEATURE_ASSIGN])
			l->spare[0] = keep(s->progs.synkeeper_admit);
		l->spare[1] = keep(s->progs.synkeeper_egress);
	}
	synkeeper_bpf__destroy(s);
	return err;
}
