/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: arms and disarms the services of policy auto. Their SYNs
 * are counted ten times a second, and at once when the program reports that
 * they come in numbers; the queues of those not armed are polled less often;
 * and arming.c decides. The timer runs only if there are any such services.
 * Counters are read in batches, from the first such service to the last.
 */
#ifndef ARM_H
#define ARM_H

#include <systemd/sd-event.h>

#include "services.h"

struct arm; /* opaque */

/* Everything here must outlive struct arm. */
struct arm_deps {
	sd_event *loop;
	const struct loader *loader;
	struct services *services;
	struct owner *owner;
	const struct netconf *net;
	const struct arming_limits *limits; /* in force */
	/* services_arm() changed something that has to be applied */
	void (*changed)(void *data);
	void *data;
};

/* Returns 0 or -errno, logged. */
int arm_start(const struct arm_deps *deps, struct arm **ret);
void arm_stop(struct arm *arm);
/* There may be services of policy auto now. */
void arm_poll(struct arm *arm);
/* A flood may have begun: looks at once instead of at the next poll. */
void arm_look_now(struct arm *arm);

#endif
