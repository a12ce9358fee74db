/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the time of day, for what must agree with other hosts.
 * BPF programs read CLOCK_TAI, which is UTC plus an offset that NTP daemons set
 * (37 s), or do not (0).
 *
 * For tests, which cannot move the clock of one process, the environment
 * variable UTC_TEST_VARIABLE adds milliseconds to UTC and counts as
 * synchronised.
 */
#ifndef UTC_H
#define UTC_H

#include <stdbool.h>

#include "synkeeper/types.h"

#define UTC_TEST_VARIABLE "SYNKEEPER_TEST_CLOCK_MS"

struct utc {
	bool synced;
	const char *why; /* not; or NULL */
	bool moved;	 /* by UTC_TEST_VARIABLE */
	__s32 offset_ms; /* UTC less CLOCK_TAI */
	__u64 now_ns;	 /* since 1970 */
	__s64 adjust_ns; /* what NTP is about to correct: UTC is wrong by it */
	__s64 maxerr_ns; /* by the kernel's reckoning, at most */
};

void utc_read(struct utc *ret);

#endif
