/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: limits shared by the maps, the daemon and the manual.
 * All tables are sized at load time; nothing grows under attack.
 */
#ifndef SYNKEEPER_LIMITS_H
#define SYNKEEPER_LIMITS_H

enum {
	SERVICES_MAX = 8192,   /* service ids, 0 means "none" */
	STATS_ROWS_MAX = 16,   /* of stats, for as many CPUs: a power of two */
	ROW_SERVICES = 512,    /* services in all rows but the first */
	ENDPOINTS_MAX = 65536, /* exact address:port entries */
	LOCAL_ADDRS_MAX = 16384, /* local prefixes, on forwarding hosts */
	ROUTES_MAX = 4096,	 /* of a family: more are not looked into */
	METRICS_MAX = 16384,	 /* prefixes, old and new */
	ROUTE_RULES_MAX = 16,	 /* policy rules of a family */
	IFACES_MAX = 256,	 /* slots, by ifindex modulo this */
	IFACE_TRIES = 4,	 /* slots probed for an interface */
	PORTS_MAX = 65536,
	SET_WAYS = 16,	     /* sessions in one set of the table */
	SETS_DEFAULT = 4096, /* without a daemon: 65,536 slots */
	EVENTS_BYTES = 4194304,
	SAMPLES_BYTES = 1048576,
	PREFIXES_MAX = 1048576, /* allowed and denied sources */
	SOURCES_MAX = 65536,	/* buckets of source prefixes; 16 bits */
	REFUSED_MAX = 4096,	/* marks of refused sources; 12 bits */
	SPLICES_DEFAULT = 65536,
	HOLDS_DEFAULT = 1024,
	SERVERS_MAX = 4096,
	IPV6_EXT_MAX = 8, /* extension headers walked */
	VLAN_TAGS_MAX = 2,
};

#endif
