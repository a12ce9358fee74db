/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the part of abi.h that says what routes say: keys and
 * values of the maps local_addrs, route_metrics, route_rules and ruled_metrics.
 */
#ifndef SYNKEEPER_ROUTE_MAPS_H
#define SYNKEEPER_ROUTE_MAPS_H

#include "limits.h"
#include "types.h"

struct local_key {
	__u32 prefixlen; /* 0..128, IPv4 v4-mapped */
	__u8 addr[16];
};
_Static_assert(sizeof(struct local_key) == 20, "abi");

/*
 * What the route to a prefix says of a SYN-ACK. 0: nothing. The longest prefix
 * decides; routes that say nothing are there where a shorter one does.
 */
struct route_metrics {
	__u16 mss; /* announced, instead of what follows from the MTU */
	__u8 hop_limit;
	__u8 ecn;	/* agreed to, whatever the sysctl */
	__u32 window;	/* the most, bytes; bounds the scale to wscale */
	__u16 initrwnd; /* the most of a SYN-ACK, segments */
	__u8 wscale;
	__u8 next; /* no route: ask the next rule */
};
_Static_assert(sizeof(struct route_metrics) == 12, "abi");

/* A policy rule of an answer: from @server and a port of these to @client. */
struct route_rule {
	__be32 server[4], server_mask[4]; /* of IPv4 the last one counts */
	__be32 client[4], client_mask[4];
	__u16 port_min, port_max; /* host byte order */
	__u32 leads;		  /* to this part of ruled_metrics */
};
_Static_assert(sizeof(struct route_rule) == 72, "abi");

/* Of a family; 0: only the usual rules, so that route_metrics is asked. */
struct route_rules {
	__u32 n, pad;
	struct route_rule all[ROUTE_RULES_MAX];
};
_Static_assert(sizeof(struct route_rules) == 1160, "abi");

struct ruled_key {
	__u32 prefixlen; /* 32 more than of the address */
	__u32 leads;
	__u8 addr[16]; /* IPv4 v4-mapped */
};
_Static_assert(sizeof(struct ruled_key) == 24, "abi");

#endif
