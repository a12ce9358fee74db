/* SPDX-License-Identifier: GPL-2.0-only */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "stats.h"
#include "synkeeper/stats_rows.h"

enum { BATCH_BYTES = 65536 };

static void sum_up(const struct counters *each, int cpus, struct counters *ret)
{
	int cpu;

	*ret = each[0];
	for (cpu = 1; cpu < cpus; cpu++)
		stats_add(ret, &each[cpu]);
}

/*
 * Reads ids from @first on, @n at most, into @each and @ids. Returns how many
 * were read, or -errno.
 */
static int read_batch(int map_fd, __u32 first, __u32 n, __u32 *ids,
		      struct counters *each)
{
	__u32 before = first - 1, next, count = n;
	int err;

	/* starts after the given key: NULL is before 0 */
	err = bpf_map_lookup_batch(map_fd, first ? &before : NULL, &next, ids,
				   each, &count, NULL);
	if (err && errno != ENOENT) /* ENOENT: end of the map */
		return -errno;
	return count ? (int)count : -EIO;
}

/* Adds those from index @first on to @ret. */
static int add_from(const struct loader *l, enum loader_map map, __u32 first,
		    __u32 n, struct counters *ret)
{
	int fd = loader_map_fd(l, map), got, i;
	int cpus = map == MAP_COUNTERS ? libbpf_num_possible_cpus() : 1;
	struct counters sum;
	__u32 part, done = 0, *ids;
	struct counters *each;

	if (cpus < 1)
		return cpus;
	part = BATCH_BYTES / (cpus * sizeof(*each));
	part = part > n ? n : part ? part : 1;
	each = calloc((size_t)part * cpus, sizeof(*each));
	ids = calloc(part, sizeof(*ids));
	got = each && ids ? 0 : -ENOMEM;
	while (got >= 0 && done < n) {
		got = read_batch(fd, first + done,
				 part < n - done ? part : n - done, ids, each);
		for (i = 0; i < got; i++) {
			sum_up(&each[(size_t)i * cpus], cpus, &sum);
			stats_add(&ret[done + i], &sum);
		}
		if (got > 0)
			done += got;
	}
	free(each);
	free(ids);
	return got < 0 ? got : 0;
}

int stats_read(const struct loader *l, enum loader_map map, __u32 first,
	       __u32 n, struct counters *ret)
{
	__u32 row, rows = map == MAP_COUNTERS ? 1 : loader_rows(l, map);
	int err = 0;

	memset(ret, 0, n * sizeof(*ret));
	for (row = 0; row < stats_rows_of(rows, first) && !err; row++) {
		err = add_from(l, map, stats_index(row, first), n, ret);
		/* the rows that follow have fewer */
		if (first + n > ROW_SERVICES)
			n = ROW_SERVICES - first;
	}
	return err;
}

int stats_read_all(const struct loader *l, enum loader_map map, __u32 end,
		   struct counters **ret)
{
	struct counters *all = calloc(SERVICES_MAX, sizeof(*all));
	int err;

	if (!all)
		return -ENOMEM;
	err = stats_read(l, map, 0, end, all);
	if (err)
		free(all);
	else
		*ret = all;
	return err;
}

void stats_add(struct counters *sum, const struct counters *c)
{
	int i;

	for (i = 0; i < REASON_COUNT; i++)
		sum->packets[i] += c->packets[i];
}
