/* SPDX-License-Identifier: GPL-2.0-only */
/* Theory of operation: per-CPU counters, summed. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>

#include "daemon.h"

int stats_read(int counters_fd, __u32 id, struct counters *ret)
{
	int cpus = libbpf_num_possible_cpus(), cpu, reason, err = 0;
	struct counters *each, sum = {};

	if (cpus < 0)
		return cpus;
	each = calloc(cpus, sizeof(*each));
	if (!each)
		return -ENOMEM;
	if (bpf_map_lookup_elem(counters_fd, &id, each)) {
		err = -errno;
		goto out;
	}
	for (cpu = 0; cpu < cpus; cpu++)
		for (reason = 0; reason < REASON_COUNT; reason++)
			sum.packets[reason] += each[cpu].packets[reason];
	*ret = sum;
out:
	free(each);
	return err;
}
