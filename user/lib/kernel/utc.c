/* SPDX-License-Identifier: GPL-2.0-only */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#include "utc.h"

static __s64 clock_get(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

/* Of whole milliseconds, however late the second reading was. */
static __s32 utc_less_tai_ms(void)
{
	__s64 tai = clock_get(CLOCK_TAI), utc = clock_get(CLOCK_REALTIME);
	__s64 ns = utc - tai; /* whole seconds, and what passed between */

	ns += ns >= 0 ? 500000000 : -500000000;
	return (__s32)(ns / 1000000000 * 1000);
}

/*
 * Not adjtimex(3): glibc's calls clock_adjtime(2), which the daemon's filter
 * denies.
 */
static void read_state(struct utc *ret)
{
	struct timex t = {};

	if (syscall(SYS_adjtimex, &t) < 0) {
		ret->why = errno == EPERM ? "adjtimex is not permitted: see "
					    "docs/CLUSTER.md"
					  : strerror(errno);
		return;
	}
	ret->adjust_ns = t.offset * (t.status & STA_NANO ? 1 : 1000);
	ret->maxerr_ns = t.maxerror * 1000LL;
	ret->synced = !(t.status & STA_UNSYNC);
	if (!ret->synced)
		ret->why = "no NTP daemon has synchronised it";
}

void utc_read(struct utc *ret)
{
	const char *test = getenv(UTC_TEST_VARIABLE);

	*ret = (struct utc){ .offset_ms = utc_less_tai_ms() };
	read_state(ret);
	if (test) {
		ret->moved = ret->synced = true;
		ret->why = NULL;
		ret->offset_ms += (__s32)strtol(test, NULL, 10);
	}
	ret->now_ns = clock_get(CLOCK_TAI) + ret->offset_ms * 1000000LL;
}
