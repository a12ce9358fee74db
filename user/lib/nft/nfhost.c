/* SPDX-License-Identifier: GPL-2.0-only */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "nfhost.h"

/* Either file may be hidden from a container. */
int nfhost_conntrack(void)
{
	static const char *const paths[] = {
		"/proc/sys/net/netfilter/nf_conntrack_max",
		"/proc/self/net/stat/nf_conntrack"
	};
	size_t i;

	for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		if (!access(paths[i], F_OK))
			return 1;
		if (errno != ENOENT && errno != ENOTDIR && errno != EACCES)
			return -errno;
	}
	return 0;
}

bool nfhost_nftables(void)
{
	FILE *f = fopen("/proc/modules", "re");
	char line[256];
	bool has = !f && errno == ENOENT;

	while (f && !has && fgets(line, sizeof(line), f))
		has = !strncmp(line, "nf_tables ", strlen("nf_tables "));
	if (f)
		fclose(f);
	return has;
}

bool nfhost_loose(void)
{
	FILE *f = fopen("/proc/sys/net/netfilter/nf_conntrack_tcp_loose", "re");
	int loose = 1;

	if (f && fscanf(f, "%d", &loose) != 1)
		loose = 1;
	if (f)
		fclose(f);
	return loose;
}
