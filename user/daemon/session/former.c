/* SPDX-License-Identifier: GPL-2.0-only */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/membarrier.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "former.h"
#include "kernel/clock.h"
#include "log.h"
#include "synkeeper/session_stats.h"

struct former {
	__u64 *tags; /* 8 bits a slot, from the lowest on; 0: free */
	struct session *entries;
	__u32 slots;
};

/* Maps all of @fd. Returns NULL and errno on failure. */
static void *map_all(int fd, size_t size)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	return at == MAP_FAILED ? NULL : at;
}

static size_t entries_size(const struct former *f)
{
	return (size_t)f->slots * sizeof(*f->entries);
}

static int map_former(const struct loader *l, struct former *ret)
{
	struct bpf_map_info info = {};
	__u32 len = sizeof(info);

	if (bpf_obj_get_info_by_fd(l->former_sessions_fd, &info, &len))
		return -errno;
	ret->slots = info.max_entries;
	ret->tags = map_all(l->former_tags_fd, ret->slots);
	if (ret->tags)
		ret->entries =
			map_all(l->former_sessions_fd, entries_size(ret));
	return ret->entries ? 0 : -errno;
}

static void unmap_former(struct former *f)
{
	if (f->tags)
		munmap(f->tags, f->slots);
	if (f->entries)
		munmap(f->entries, entries_size(f));
}

/* @twin was adopted in between: as if it had been moved. */
static void merge(const struct session *e, struct session *twin,
		  struct session_totals *t)
{
	session_stats_record(t, e->live.state, SESSION_FREE, 0, 0);
	__sync_fetch_and_sub(&t->events[EV_ADOPTED], 1);
	twin->born = e->born;
}

enum { MOVE_TRIES = 4 };

/* Returns whether it is in our table now. */
static bool move_one(struct sessions *s, struct session *e, __u32 now)
{
	__u16 service = e->live.service;
	struct session_totals *t = totals_of(s->totals, service);
	struct session *twin;
	struct transition m;
	__u32 slot, tries;

	if (e->live.state == SESSION_FREE)
		return false; /* it was being filled */
	/* again if a packet entered it at the same moment, on another CPU */
	for (tries = 0; tries < MOVE_TRIES; tries++) {
		twin = sessions_find(s, &e->tuple, &slot);
		if (twin && session_is_live(twin->live.state) &&
		    session_is_live(e->live.state)) {
			merge(e, twin, t);
			return true;
		}
		if (!twin && sessions_put(s, e))
			return true;
	}
	session_stats_transition(e, t, service, 1 << INPUT_EVICTED, 0, now, &m);
	return false;
}

static int move_all(const struct former *f, struct sessions *s)
{
	__u32 slot, now = ns_to_ticks(clock_ns());
	int moved = 0;

	for (slot = 0; slot < f->slots; slot++)
		if (f->tags[slot / 8] >> slot % 8 * 8 & 0xff)
			moved += move_one(s, &f->entries[slot], now);
	return moved;
}

static void let_go(struct loader *l)
{
	close(l->former_tags_fd);
	close(l->former_sessions_fd);
	l->former_tags_fd = l->former_sessions_fd = -1;
}

bool former_move(struct loader *l, struct sessions *s, struct totals *t)
{
	bool table = l->former_tags_fd >= 0 && l->former_sessions_fd >= 0;
	struct former f = {};
	int ret;

	if (!table && !t->former)
		return false;
	/* one that still runs on another CPU has ended after this */
	syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
	totals_settle(t);
	if (!table)
		return false;
	ret = map_former(l, &f);
	if (!ret)
		ret = move_all(&f, s);
	if (ret >= 0)
		log_info("%s: moved %d sessions from the table of an earlier "
			 "version",
			 l->pin_dir, ret);
	else
		log_warn("%s: cannot move the sessions from the table of an "
			 "earlier version: %s",
			 l->pin_dir, strerror(-ret));
	unmap_former(&f);
	let_go(l);
	return true;
}
