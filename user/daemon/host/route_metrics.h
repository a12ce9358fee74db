/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the maps of what routes say of SYN-ACKs. They are
 * written each time routes have been read, entry by entry: what is new first,
 * then what has gone is deleted. The programs look into them only while there
 * is something. When policy rules change, an answer may for a moment be by the
 * routes of another rule.
 */
#ifndef ROUTE_METRICS_H
#define ROUTE_METRICS_H

#include "kernel/routing.h"
#include "synkeeper/abi.h"

struct route_metrics_maps {
	struct settings *settings; /* mapped */
	int metrics, rules, ruled; /* route_metrics, route_rules, ... */
	const char *told[2];	   /* by family: why they are ignored */
	bool failed;		   /* the last write */
};

/* Logs when metrics begin to be ignored, or cannot be written. */
void route_metrics_write(struct route_metrics_maps *m, const struct routing *v4,
			 const struct routing *v6);

#endif
