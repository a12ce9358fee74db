// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: the programs themselves, and the list of their maps. The
 * first access to a map that is not listed ends the process.
 */
#include "../../../bpf/synkeeper.bpf.c"

#include "native.h"

#define SIZE(member) (sizeof(*(member)) / sizeof(int))
#define MAP(map)                                                            \
	{                                                                   \
		&(map), #map, SIZE((map).type), sizeof(*(map).key),         \
			sizeof(*(map).value), SIZE((map).max_entries), NULL \
	}

struct native_map native_maps[] = {
	MAP(settings),
	MAP(keys),
	MAP(ports),
	MAP(endpoints),
	MAP(local_addrs),
	MAP(route_metrics),
	MAP(route_rules),
	MAP(ruled_metrics),
	MAP(ifaces),
	MAP(services),
	MAP(counters),
	MAP(monitored),
	MAP(sources),
	MAP(queues),
	MAP(refused_sources),
	MAP(budgets),
	MAP(session_tags),
	MAP(session_summary),
	MAP(incomplete_sets),
	MAP(sessions),
	MAP(totals),
	MAP(splices),
	MAP(holds),
	MAP(servers),
	{ &prefixes, "prefixes", BPF_MAP_TYPE_ARRAY_OF_MAPS, sizeof(__u32),
	  sizeof(__u32), 1, NULL },
	{ &events, "events", BPF_MAP_TYPE_RINGBUF, 0, sizeof(struct event), 0,
	  NULL },
	{ &samples, "samples", BPF_MAP_TYPE_RINGBUF, 0, sizeof(struct sample),
	  0, NULL },
	{},
};
