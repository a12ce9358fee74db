/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: which services are under attack now. Once a second the
 * counters of all services are read, and attack.h decides by kind. What begins
 * and ends is logged; status, health and metrics show what runs.
 */
#ifndef ATTACKS_H
#define ATTACKS_H

#include <jansson.h>

#include "attack.h"
#include "services.h"

struct daemon;

int attacks_start(struct daemon *d);
void attacks_stop(struct daemon *d);

/* What is known of a service's kind of attack; NULL before attacks_start(). */
const struct attack *attacks_of(const struct daemon *d,
				const struct service *svc,
				enum attack_kind kind);

/* [{"listen" "name" "kind" "rate" "peak" "total" "duration_s"}]: what runs. */
json_t *attacks_json(const struct daemon *d);

/* Appends "*:80 is under SYN flood, 30k/s" to @list for each that runs. */
void attacks_health(const struct daemon *d, json_t *list);

#endif
