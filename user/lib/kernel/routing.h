/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: how this network namespace routes one family, as far as
 * a simple host needs it: are the policy rules those of every kernel, and which
 * routes are in the tables that these name, without `local`; where they are
 * others, which routes each leads to. Read over rtnetlink; what it amounts to
 * is decided in hop.h, metrics.h and ruled.h.
 */
#ifndef ROUTING_H
#define ROUTING_H

#include <stdbool.h>
#include <stddef.h>

#include "rules.h"
#include "synkeeper/limits.h"
#include "synkeeper/types.h"

struct mnl_socket;

struct route {
	__u8 dst[16]; /* IPv4: the first four bytes */
	__u8 via[16];
	__u8 len;	 /* of the prefix */
	__u8 via_family; /* AF_INET, AF_INET6; 0: no gateway */
	__u8 type;	 /* RTN_xxx */
	__u8 protocol;	 /* RTPROT_xxx */
	__u8 rule;	 /* of `ruled`: the first that leads to its table */
	bool odd;	 /* dead, encapsulated, or chosen by a TOS */
	int device;	 /* 0: none or several */
	__u32 priority;
	/* metrics; 0: not set */
	__u16 advmss;
	__u16 mtu;
	__u16 initrwnd; /* segments */
	__u8 hop_limit;
	bool ecn; /* of features */
	__u32 window;
};

struct routing {
	struct route *routes; /* owned */
	size_t n, room;
	bool complete;	  /* else there are more than ROUTES_MAX */
	bool plain_rules; /* local, main and (IPv4) default, nothing else */
	/* unless they are: */
	struct rules rules;
	struct route *ruled; /* owned; where rules lead, if all are known */
	size_t n_ruled, ruled_room;
};

/*
 * The first of @r's rules to lead to the same table as rule @i, with the same
 * routes left out.
 */
size_t routing_leads(const struct rules *r, size_t i);

/*
 * @family: AF_INET or AF_INET6. Returns 0, or -errno with *@ret unchanged; what
 * it had is freed. -EINTR: it changed meanwhile, ask again.
 */
int routing_read(__u8 family, struct routing *ret);
void routing_free(struct routing *r);

/*
 * The MAC of neighbour @addr on @device, if its entry is valid. @nl: of
 * NETLINK_ROUTE. Returns 0 or -errno (-ENOENT: there is none).
 */
int routing_neighbour(struct mnl_socket *nl, __u8 family, int device,
		      const __u8 addr[16], __u8 ret[6]);

#endif
