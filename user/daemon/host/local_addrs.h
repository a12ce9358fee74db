/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the map of this host's addresses, which on a forwarding
 * host decide what a wildcard service covers. They are the routes of table
 * "local". Listing them can cost as much as listing all routes of a router, so
 * that is done only after the kernel has announced a change: of a local route,
 * of a link (one that goes down takes its routes with it, unannounced), or of
 * more than fit the socket.
 */
#ifndef LOCAL_ADDRS_H
#define LOCAL_ADDRS_H

#include <stdbool.h>

#include "synkeeper/types.h"

struct mnl_socket;

struct local_addrs {
	int map_fd;
	struct mnl_socket *events; /* owned; NULL: list them at each poll */
	bool current;		   /* the map is, as far as is known */
	__u32 generation;	   /* value of the entries of the last list */
};

/* @map_fd: the LPM map local_addrs. */
void local_addrs_init(struct local_addrs *l, int map_fd);
void local_addrs_free(struct local_addrs *l);

/* Updates the map if the addresses may have changed. Returns 0 or -errno. */
int local_addrs_poll(struct local_addrs *l);

#endif
