/* SPDX-License-Identifier: GPL-2.0-only */
/* Theory of operation: see counters.h. */
#include <bpf/bpf.h>
#include <stdlib.h>

#include "check.h"
#include "counters.h"

static struct counters seen[SERVICES], seen_monitored[SERVICES];

static void sum_counters(__u32 service, struct counters *ret)
{
	struct counters *now = calloc(libbpf_num_possible_cpus(), sizeof(*now));
	int cpu, reason;

	*ret = (struct counters){};
	bpf_map_lookup_elem(bpf_map__fd(harness.skel->maps.counters), &service,
			    now);
	for (cpu = 0; cpu < libbpf_num_possible_cpus(); cpu++)
		for (reason = 0; reason < REASON_COUNT; reason++)
			ret->packets[reason] += now[cpu].packets[reason];
	free(now);
}

/* What has increased from *@before to @now, which becomes the new *@before. */
static unsigned note(struct counters *before, const struct counters *now,
		     __u32 service, bool monitored, struct run *r)
{
	unsigned reasons = 0, reason;

	for (reason = 0; reason < REASON_COUNT; reason++) {
		if (now->packets[reason] == before->packets[reason])
			continue;
		reasons += now->packets[reason] - before->packets[reason];
		r->reason = reason;
		r->service = service;
		r->monitored = monitored;
	}
	*before = *now;
	return reasons;
}

void counters_take(struct run *r)
{
	struct counters now;
	unsigned reasons = 0;
	__u32 service;

	r->reason = REASON_NONE;
	for (service = 0; service < SERVICES; service++) {
		sum_counters(service, &now);
		reasons += note(&seen[service], &now, service, false, r);
		bpf_map_lookup_elem(bpf_map__fd(harness.skel->maps.monitored),
				    &service, &now);
		reasons +=
			note(&seen_monitored[service], &now, service, true, r);
	}
	if (reasons > 1)
		fail_msg("%u reasons counted for one packet", reasons);
}
