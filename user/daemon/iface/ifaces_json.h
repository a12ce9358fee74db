/* SPDX-License-Identifier: GPL-2.0-only */
/* Theory of operation: interfaces and attachments in replies to requests. */
#ifndef IFACES_JSON_H
#define IFACES_JSON_H

#include "control/request.h"
#include "ifaces.h"

/* [{"name" "ifindex" "mode" "protected" "why" "by_hand" "ahead"}] */
json_t *ifaces_json(const struct ifaces *f);
/* Appends a sentence to @list for each problem. */
void ifaces_health(const struct ifaces *f, json_t *list);
/* The names of those that exist. */
json_t *ifaces_names(const struct ifaces *f);
/* The ids of all attached programs, for a caller that waits for their end. */
json_t *ifaces_programs(const struct ifaces *f);

#endif
