/* SPDX-License-Identifier: GPL-2.0-only */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "syncookies.h"

static const char path[] = "/proc/sys/net/ipv4/tcp_syncookies";

__u32 syncookies_netns(void)
{
	struct stat st;

	return stat("/proc/self/ns/net", &st) ? 0 : (__u32)st.st_ino;
}

int syncookies_read(void)
{
	FILE *f = fopen(path, "re");
	int value = 1;

	if (!f)
		return errno == ENOENT || errno == EACCES ? value : -errno;
	if (fscanf(f, "%d", &value) != 1)
		value = 1;
	fclose(f);
	return value;
}

static int write_value(int value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), err = 0;
	char digit = (char)('0' + value);

	if (fd < 0)
		return -errno;
	if (write(fd, &digit, 1) != 1)
		err = -errno;
	close(fd);
	return err;
}

int syncookies_raise(struct settings *s, int value)
{
	int now = syncookies_read(), err;

	if (now < 0 || now >= value)
		return now < 0 ? now : 0;
	err = write_value(value);
	if (err)
		return err;
	if (s->syncookies_before == SYNCOOKIES_KEPT)
		s->syncookies_before = now ? SYNCOOKIES_WAS_1
					   : SYNCOOKIES_WAS_0;
	return 1;
}

int syncookies_restore(struct settings *s, int needed)
{
	int before = s->syncookies_before == SYNCOOKIES_WAS_1;

	if (s->syncookies_before == SYNCOOKIES_KEPT || before < needed ||
	    s->netns != syncookies_netns())
		return -1;
	/* unless someone has lowered it meanwhile */
	if (syncookies_read() > before && write_value(before))
		return -1;
	s->syncookies_before = SYNCOOKIES_KEPT;
	return before;
}
