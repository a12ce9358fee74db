/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: which services are under attack now. Once a second the
 * counters of all services are read, and attack.h decides by kind. What begins
 * and ends is logged; status, health and metrics show what runs.
 */
#ifndef ATTACKS_H
#define ATTACKS_H

#include <jansson.h>
#include <systemd/sd-event.h>

#include "attack.h"
#include "services.h"

struct attacks; /* opaque */

/* What they need; all of it outlives them. */
struct attacks_deps {
	sd_event *loop;
	const struct loader *loader;
	const struct services *services;
	const struct arming_limits *limits; /* in force; the rate is theirs */
};

/* Returns 0 or -errno, logged. */
int attacks_start(const struct attacks_deps *deps, struct attacks **ret);
void attacks_stop(struct attacks *s);

/* What is known of a service's kind of attack; @s NULL: nothing. */
const struct attack *attacks_of(const struct attacks *s,
				const struct service *svc,
				enum attack_kind kind);

/* [{"listen" "name" "kind" "rate" "peak" "total" "duration_s"}]: what runs. */
json_t *attacks_json(const struct attacks *s);

/* Appends "*:80 is under SYN flood, 30k/s" to @list for each that runs. */
void attacks_health(const struct attacks *s, json_t *list);

#endif
