/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: struct services, shared by services.c and
 * services_apply.c.
 */
#ifndef SERVICES_STATE_H
#define SERVICES_STATE_H

#include "endpoints.h"
#include "services.h"

struct services {
	struct service slots[SERVICES_MAX];	 /* by id; 0 is unused */
	struct service_info infos[SERVICES_MAX]; /* as in the map */
	int info_fd;
	int counters_fd;
	int monitored_fd;
	__u32 monitored_rows;
	struct totals *totals; /* of the sessions */
	struct listeners listeners;
	int only; /* interface: listeners bound to it count */
	struct endpoints endpoints;
	bool changed; /* since the endpoints were last computed */
	struct nat *nat;
	__u64 raise_again_ns; /* next attempt at tcp_syncookies; 0: now */
	__u64 needed_ns;      /* when cookies were last needed */
	struct netconf net;   /* what they were computed from */
};

/* Writes what @svc's id denotes; @used: it is in service. 0 or -errno. */
int services_write_info(struct services *s, const struct service *svc,
			bool used);

#endif
