/* SPDX-License-Identifier: GPL-2.0-only */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "forwarding.h"
#include "syncookies.h"

static const char *const paths[] = {
	"/proc/sys/net/ipv4/conf/lo/forwarding",
	"/proc/sys/net/ipv6/conf/lo/forwarding",
};
/* Of a router: lo would have it from there. */
static const char *const all_paths[] = {
	"/proc/sys/net/ipv4/conf/all/forwarding",
	"/proc/sys/net/ipv6/conf/all/forwarding",
};

static unsigned int flag_of(bool v6)
{
	return v6 ? FORWARDING_RAISED6 : FORWARDING_RAISED4;
}

static int read_value(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), err;
	char digit;

	if (fd < 0)
		return -errno;
	err = read(fd, &digit, 1) == 1 ? digit != '0' : -EIO;
	close(fd);
	return err;
}

int forwarding_read(bool v6)
{
	return read_value(paths[v6]);
}

bool forwarding_of_host(void)
{
	return read_value("/proc/sys/net/ipv4/ip_forward") > 0 ||
	       read_value("/proc/sys/net/ipv6/conf/all/forwarding") > 0;
}

bool forwarding_can_be_set(bool v6)
{
	return !access(paths[v6], W_OK);
}

static int write_value(bool v6, char digit)
{
	int fd = open(paths[v6], O_WRONLY | O_CLOEXEC), err = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, &digit, 1) != 1)
		err = -errno;
	close(fd);
	return err;
}

int forwarding_raise(struct settings *s, bool v6)
{
	int now = forwarding_read(v6), err;

	if (now)
		return now < 0 ? now : 0;
	err = write_value(v6, '1');
	if (err)
		return err;
	s->forwarding_raised |= flag_of(v6);
	return 1;
}

unsigned int forwarding_restore(struct settings *s)
{
	unsigned int done = 0;
	int v6;

	if (!s->forwarding_raised || s->netns != syncookies_netns())
		return 0;
	for (v6 = 0; v6 < 2; v6++) {
		if (!(s->forwarding_raised & flag_of(v6)))
			continue;
		/* who set it meanwhile has the last word */
		if (forwarding_read(v6) > 0 && read_value(all_paths[v6]) <= 0 &&
		    write_value(v6, '0'))
			continue;
		done |= flag_of(v6);
	}
	s->forwarding_raised &= ~done;
	return done;
}
