// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: operations of scale.py on the maps that a daemon has
 * pinned.
 *
 *	fill PIN_DIR N		inserts sessions 0 to N - 1 of tables.h and adds
 *				them to the session stats. The kernel has no
 *				sockets for them: the daemon ends them when it
 *				asks, once they have been idle for 30 s.
 *	touch PIN_DIR [N]	all were active just now, or N seconds ago
 *	walk PIN_DIR ROUNDS	how long the reaper takes from the table's first
 *				set to its last: two expired sessions in
 *				TIME-WAIT, one at each end; when are they gone?
 *
 * Prints one number per line: sessions inserted, or milliseconds.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "synkeeper/session_stats.h"
#include "tables.h"

#define SERVER "192.0.2.2"

enum {
	SERVER_PORT = 80,
	SERVICE = 1,	    /* the first that the daemon was given */
	LONG_AGO = 1 << 20, /* ticks: five hours */
	LOOK_US = 100,
	WALK_MAX_S = 30,
};

struct pinned {
	struct settings cfg;
	struct tables tables;
	int totals_fd;
};

static int fail(const char *what)
{
	fprintf(stderr, "scale: %s: %s\n", what, strerror(errno));
	return 1;
}

static int open_map(const char *pin_dir, const char *name)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/maps/%s", pin_dir, name);
	return bpf_obj_get(path);
}

/* Returns false and sets errno on failure. */
static bool open_pinned(const char *pin_dir, struct pinned *ret)
{
	__u32 zero = 0;
	int fd = open_map(pin_dir, "settings"), err;
	struct tables_fds fds;

	if (fd < 0 || bpf_map_lookup_elem(fd, &zero, &ret->cfg))
		return false;
	ret->totals_fd = open_map(pin_dir, "totals");
	if (ret->totals_fd < 0)
		return false;
	fds = (struct tables_fds){ open_map(pin_dir, "session_tags"),
				   open_map(pin_dir, "sessions"),
				   open_map(pin_dir, "session_summary") };
	err = tables_map(&ret->tables, &fds, ret->cfg.set_mask + 1);
	errno = -err;
	return !err;
}

static double now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1e3 + ts.tv_nsec / 1e6;
}

static __u32 ticks(void)
{
	return ns_to_ticks((__u64)(now_ms() * 1e6));
}

/* Nobody else writes these stats meanwhile: there is no traffic. */
static int book(const struct pinned *p, __u8 state, __u32 n)
{
	struct session_totals t;
	__u32 service = SERVICE;

	if (bpf_map_lookup_elem(p->totals_fd, &service, &t))
		return -errno;
	t.alive[state] += n;
	if (state == SESSION_ESTABLISHED)
		t.events[EV_ADMITTED] += n;
	return bpf_map_update_elem(p->totals_fd, &service, &t, BPF_ANY) ? -errno
									: 0;
}

static int fill(struct pinned *p, __u32 n)
{
	n = tables_fill(&p->tables, &p->cfg, inet_addr(SERVER),
			htons(SERVER_PORT), SERVICE, n);
	tables_deny_nothing(&p->tables);
	if (book(p, SESSION_ESTABLISHED, n))
		return fail("totals");
	printf("%u\n", n);
	return 0;
}

static int touch(struct pinned *p, unsigned seconds)
{
	__u32 seen = ticks() - ns_to_ticks(seconds * 1000000000ULL), i;

	for (i = 0; i < p->tables.sets * SET_WAYS; i++)
		if (p->tables.entries[i].live.state != SESSION_FREE)
			p->tables.entries[i].live.seen = seen;
	return 0;
}

/* Inserts an expired session into @set. Returns it, or NULL. */
static struct session *plant(struct pinned *p, __u32 set)
{
	struct session *s;
	__u32 way = table_claim(&p->tables.tags[set], 1);
	union session_word w = { .seen = ticks() - LONG_AGO,
				 .service = SERVICE };

	if (way == SET_WAYS) {
		errno = ENOSPC;
		return NULL;
	}
	if (book(p, SESSION_TIME_WAIT, 1))
		return NULL;
	w.state = SESSION_TIME_WAIT;
	way += set * SET_WAYS;
	s = &p->tables.entries[table_line(p->tables.sets, way)];
	memset(s, 0, sizeof(*s));
	__atomic_store_n(&s->live.word, w.word, __ATOMIC_SEQ_CST);
	return s;
}

/* Waits until @s is gone. Returns when that was, in ms; negative: never. */
static double wait_gone(const struct session *s)
{
	double end = now_ms() + WALK_MAX_S * 1e3, now;

	for (;;) {
		now = now_ms();
		if (!__atomic_load_n(&s->live.word, __ATOMIC_SEQ_CST))
			return now;
		if (now > end) {
			errno = ETIMEDOUT;
			return -1;
		}
		usleep(LOOK_US);
	}
}

/* Returns how long a walk took, in ms; negative: it went wrong. */
static double walk_once(struct pinned *p)
{
	__u32 end = p->tables.sets - 1;
	struct session *first, *last = plant(p, end);
	double begun, ended;

	/* with the last one gone, a walk is over and no other has begun */
	if (!last || wait_gone(last) < 0)
		return -1;
	first = plant(p, 0);
	last = plant(p, end);
	if (!first || !last)
		return -1;
	begun = wait_gone(first);
	ended = wait_gone(last);
	return begun < 0 || ended < 0 ? -1 : ended - begun;
}

static int walk(struct pinned *p, unsigned rounds)
{
	while (rounds--) {
		double ms = walk_once(p);

		if (ms < 0)
			return fail("a walk of the reaper");
		printf("%.2f\n", ms);
		fflush(stdout);
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct pinned p = {};
	unsigned n = argc > 3 ? strtoul(argv[3], NULL, 10) : 0;

	if (argc < 3) {
		fputs("usage: scale fill|touch|walk PIN_DIR [N]\n", stderr);
		return 2;
	}
	if (!open_pinned(argv[2], &p))
		return fail(argv[2]);
	if (!strcmp(argv[1], "fill"))
		return fill(&p, n);
	if (!strcmp(argv[1], "touch"))
		return touch(&p, n);
	return walk(&p, n);
}
