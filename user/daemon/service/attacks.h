/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: which services are under attack now. The counters of all
 * services are read once a second, and attack.h decides per kind. Start and end
 * are logged; status, health and metrics show running attacks.
 */
#ifndef ATTACKS_H
#define ATTACKS_H

#include <jansson.h>
#include <systemd/sd-event.h>

#include "attack.h"
#include "services.h"

struct attacks; /* opaque */

/* Everything here must outlive struct attacks. */
struct attacks_deps {
	sd_event *loop;
	const struct loader *loader;
	const struct services *services;
	const struct arming_limits *limits; /* in force; for their rate */
};

/* Returns 0 or -errno, logged. */
int attacks_start(const struct attacks_deps *deps, struct attacks **ret);
void attacks_stop(struct attacks *s);

/* The state of one kind of attack on a service; NULL if @s is. */
const struct attack *attacks_of(const struct attacks *s,
				const struct service *svc,
				enum attack_kind kind);

/*
 * [{"listen" "name" "kind" "rate" "peak" "total" "duration_s"}]: the running
 * ones.
 */
json_t *attacks_json(const struct attacks *s);

/* Appends "*:80 is under SYN flood, 30k/s" to @list for each running one. */
void attacks_health(const struct attacks *s, json_t *list);

#endif
