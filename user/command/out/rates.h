/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: rates, for all that watch: two answers to the request
 * "stats" are subtracted and divided by the time between them. What comes out
 * is again one object, whose members end in "per_second".
 */
#ifndef RATES_H
#define RATES_H

#include <jansson.h>
#include <stdbool.h>

/*
 * {"time" "interval_s" "services": [{"listen" "name" "per_second":
 * {REASON: n}}], "per_second": {REASON: n}}, the caller's own. Reasons without
 * a packet are left out; a counter that shrank has begun anew from zero.
 */
json_t *rates_between(const json_t *before, const json_t *now, double seconds);

/* Seconds on a clock that only goes forward. */
double rates_clock(void);

/*
 * A time between two looks: "1", "0.5", or with a unit as in the
 * configuration: "500ms", "5m"; "" is one second. -EINVAL if it is not one of
 * 0.1 to 86400 seconds.
 */
int rates_period(const char *text, double *ret);

#endif
