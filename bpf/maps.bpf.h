/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: all maps in one place; synkeeper/abi.h documents them.
 * The sizes here apply to an object attached by hand; the daemon sets its
 * configured sizes before loading. Nothing is pinned by name: the loader
 * decides where pins go.
 */
#ifndef SYNKEEPER_MAPS_BPF_H
#define SYNKEEPER_MAPS_BPF_H

#include "synkeeper/abi.h"
#include "synkeeper/stats_rows.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE); /* the daemon stores single fields */
	__type(key, __u32);
	__type(value, struct settings);
} settings SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, KEY_SLOTS);
	__type(key, __u32);
	__type(value, struct cookie_key);
} keys SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, EPOCH_PLACES *EPOCH_KEYS);
	__type(key, __u32);
	__type(value, struct epoch_key);
} epoch_keys SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, PORTS_MAX);
	__type(key, __u32);
	__type(value, struct port_services);
} ports SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, ENDPOINTS_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct endpoint_key);
	__type(value, struct endpoint);
} endpoints SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, LOCAL_ADDRS_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct local_key);
	__type(value, __u32);
} local_addrs SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, METRICS_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct local_key);
	__type(value, struct route_metrics);
} route_metrics SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, struct route_rules);
} route_rules SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, METRICS_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct ruled_key);
	__type(value, struct route_metrics);
} ruled_metrics SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, IFACES_MAX);
	__type(key, __u32);
	__type(value, struct iface);
} ifaces SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SERVICES_MAX);
	__type(key, __u32);
	__type(value, struct service_info);
} services SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SERVICES_MAX);
	__type(key, __u32);
	__type(value, struct counters);
} counters SEC(".maps");

/* Not per CPU: for SERVICES_MAX services and many CPUs, a lot of memory. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SERVICES_MAX);
	__type(key, __u32);
	__type(value, struct counters);
} monitored SEC(".maps");

/* A map in a map, so that a new list replaces the old one atomically. */
struct prefix_trie {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, PREFIXES_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct local_key);
	__type(value, __u32); /* enum source_kind */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, struct prefix_trie);
} prefixes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SOURCES_MAX);
	__type(key, __u32);
	__type(value, __u64); /* see enum source_share */
} sources SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SERVICES_MAX);
	__type(key, __u32);
	__type(value, struct queue_seen);
} queues SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, REFUSED_MAX);
	__type(key, __u32);
	__type(value, __u64);
} refused_sources SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SETS_DEFAULT);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct session_set);
} session_tags SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SETS_DEFAULT * 2);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, __u64);
} session_summary SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SETS_DEFAULT / 64);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, __u64);
} incomplete_sets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SETS_DEFAULT *SET_WAYS);
	__uint(map_flags, BPF_F_MMAPABLE); /* this also page-aligns it */
	__type(key, __u32);
	__type(value, struct session);
} sessions SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SERVICES_MAX);
	__uint(map_flags, BPF_F_MMAPABLE); /* the daemon updates them, too */
	__type(key, __u32);
	__type(value, struct session_totals);
} totals SEC(".maps");

/* Preallocated: nothing grows under attack. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SPLICES_DEFAULT);
	__type(key, struct tuple);
	__type(value, struct splice);
} splices SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, HOLDS_DEFAULT);
	__type(key, __u32);
	__type(value, struct hold);
} holds SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, SERVERS_MAX);
	__type(key, struct endpoint_key);
	__type(value, struct server_offer);
} servers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, EVENTS_BYTES);
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, SAMPLES_BYTES);
} samples SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, TC_PROGRAMS);
	__type(key, __u32);
	__type(value, __u32);
} tc_programs SEC(".maps");

static __always_inline struct settings *get_settings(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&settings, &zero);
}

/* The index of @service in this CPU's row, which other CPUs may share. */
static __always_inline __u32 in_row(const struct settings *cfg, __u32 service)
{
	return stats_index(bpf_get_smp_processor_id() & cfg->rows_mask,
			   service);
}

/* Its session stats. A row's gauges may be negative; their sum is not. */
static __always_inline struct session_totals *
get_totals(const struct settings *cfg, __u32 service)
{
	__u32 i = in_row(cfg, service);

	return bpf_map_lookup_elem(&totals, &i);
}

static __always_inline __u32 now_ticks(void)
{
	return ns_to_ticks(bpf_ktime_get_coarse_ns());
}

static __always_inline void count(__u32 service, enum reason reason)
{
	struct counters *c = bpf_map_lookup_elem(&counters, &service);

	barrier_var(
		reason); /* else clang drops a compare that Linux 6.12 needs */
	if (c && reason < REASON_COUNT)
		c->packets[reason]++;
}

static __always_inline void count_monitored(const struct settings *cfg,
					    __u32 service, enum reason reason)
{
	__u32 i = in_row(cfg, service);
	struct counters *c = bpf_map_lookup_elem(&monitored, &i);

	barrier_var(
		reason); /* else clang drops a compare that Linux 6.12 needs */
	if (c && reason < REASON_COUNT)
		__sync_fetch_and_add(&c->packets[reason], 1);
}

#endif
