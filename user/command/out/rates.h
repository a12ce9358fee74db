/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: packet rates for `stats --watch` and `top`: the
 * difference of two replies to the request "stats", divided by the time between
 * them. The result is one object, whose members end in "per_second".
 */
#ifndef RATES_H
#define RATES_H

#include <jansson.h>
#include <stdbool.h>

/*
 * {"time" "interval_s" "services": [{"listen" "name" "per_second":
 * {REASON: n}}], "per_second": {REASON: n}}, owned by the caller. Reasons
 * without packets are omitted; a counter that shrank restarted from zero.
 */
json_t *rates_between(const json_t *before, const json_t *now, double seconds);

/* Seconds on the monotonic clock. */
double rates_clock(void);

/*
 * Parses an update interval in seconds: "1", "0.5", or with a unit as in the
 * configuration, "500ms", "5m"; "" is one second. Returns 0, or -EINVAL unless
 * it is 0.1 to 86400 seconds.
 */
int rates_period(const char *text, double *ret);

#endif
