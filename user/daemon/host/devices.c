/* SPDX-License-Identifier: GPL-2.0-only */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "devices.h"
#include "kernel/netlink.h"

enum { TRIES = 3 };

int devices_read(struct devices *d)
{
	struct device *all = NULL;
	int err = -EINTR, i;
	size_t n = 0;

	if (!d->nl)
		d->nl = netlink_open(NETLINK_ROUTE, 0);
	for (i = 0; i < TRIES && err == -EINTR; i++)
		err = d->nl ? device_list(d->nl, &all, &n) : -errno;
	if (err)
		return err; /* the old list is a better guess than none */
	free(d->all);
	d->all = all;
	d->n = n;
	return 0;
}

void devices_free(struct devices *d)
{
	free(d->all);
	if (d->nl)
		mnl_socket_close(d->nl);
	*d = (struct devices){};
}

const struct device *devices_find(const struct devices *d, int ifindex)
{
	size_t i;

	for (i = 0; ifindex && i < d->n; i++)
		if (d->all[i].ifindex == ifindex)
			return &d->all[i];
	return NULL;
}

bool devices_works(const struct devices *d, int ifindex,
		   struct device_trouble *ret)
{
	const struct device *device = devices_find(d, ifindex);

	return !device || device_works(device, d->all, d->n, ret);
}

bool devices_mac(const struct devices *d, int ifindex, __u8 ret[6])
{
	const struct device *device = devices_find(d, ifindex);

	if (!device)
		return false;
	memcpy(ret, device_mac(device, d->all, d->n), 6);
	return true;
}

int devices_routed(const struct devices *d, int ifindex)
{
	const struct device *device = devices_find(d, ifindex);

	return device ? device_routed(device, d->all, d->n) : 0;
}

int devices_bond(const struct devices *d, int ifindex)
{
	const struct device *device = devices_find(d, ifindex), *master;

	master = device ? devices_find(d, device->master) : NULL;
	return master && !strcmp(master->kind, "bond") ? master->ifindex : 0;
}
