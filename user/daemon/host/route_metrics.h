/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the map of what routes say of SYN-ACKs. It is written
 * each time routes have been read, entry by entry: what is new first, then what
 * has gone is deleted. The programs look into it only while there is something.
 */
#ifndef ROUTE_METRICS_H
#define ROUTE_METRICS_H

#include "kernel/routing.h"
#include "synkeeper/abi.h"

struct route_metrics_map {
	struct settings *settings; /* mapped */
	int fd;			   /* the LPM map route_metrics */
	const char *told[2];	   /* by family: why they are ignored */
	bool failed;		   /* the last write */
};

/* Logs when metrics begin to be ignored, or cannot be written. */
void route_metrics_write(struct route_metrics_map *m, const struct routing *v4,
			 const struct routing *v6);

#endif
