/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the host's devices, as far as protected interfaces
 * depend on others: see device.h. The list is read with each tick. What becomes
 * of an interface in trouble is in ifaces.c.
 *
 * XDP that is attached natively to a bond runs in its ports: the program is
 * asked for by their index, which therefore have the bond's entry in the map.
 */
#include <stdlib.h>
#include <string.h>

#include "daemon.h"

void devices_read(struct devices *d)
{
	struct devices now = {};

	if (device_list(&now.all, &now.n))
		return; /* what was is more likely than nothing */
	free(d->all);
	*d = now;
}

void devices_free(struct devices *d)
{
	free(d->all);
	*d = (struct devices){};
}

static const struct device *devices_find(const struct devices *d, int ifindex)
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

int devices_bond(const struct devices *d, int ifindex)
{
	const struct device *device = devices_find(d, ifindex), *master;

	master = device ? devices_find(d, device->master) : NULL;
	return master && !strcmp(master->kind, "bond") ? master->ifindex : 0;
}
