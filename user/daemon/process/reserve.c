/* SPDX-License-Identifier: GPL-2.0-only */
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "reserve.h"

enum { LIMIT = 65536 };

static int fds[RESERVE_FDS];
static unsigned int n_fds;

void reserve_raise_limit(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) || r.rlim_cur >= LIMIT)
		return;
	r.rlim_cur = r.rlim_max < LIMIT ? r.rlim_max : LIMIT;
	setrlimit(RLIMIT_NOFILE, &r);
}

void reserve_give(void)
{
	while (n_fds)
		close(fds[--n_fds]);
}

void reserve_take(void)
{
	int fd;

	while (n_fds < RESERVE_FDS) {
		fd = open("/", O_PATH | O_CLOEXEC);
		if (fd < 0)
			return;
		fds[n_fds++] = fd;
	}
}
