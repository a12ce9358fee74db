/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the host's devices, as far as protected interfaces
 * depend on others: see device.h. The list is read with each tick and after
 * link events, through a socket that is kept. What becomes of an interface in
 * trouble is in iface/ifaces.c.
 *
 * XDP that is attached natively to a bond runs in its ports: the program is
 * asked for by their index, which therefore have the bond's entry in the map.
 */
#ifndef DEVICES_H
#define DEVICES_H

#include "kernel/device.h"
#include "synkeeper/types.h"

struct mnl_socket;

/* The devices of this namespace; all zero: none are known. */
struct devices {
	struct device *all; /* owned */
	size_t n;
	struct mnl_socket *nl; /* owned; NULL: it is opened when needed */
};

/* Reads them anew. 0, or -errno and the list is as it was. */
int devices_read(struct devices *d);
void devices_free(struct devices *d);
/* NULL: unknown, which is in no trouble. */
const struct device *devices_find(const struct devices *d, int ifindex);
bool devices_works(const struct devices *d, int ifindex,
		   struct device_trouble *ret);
/* The host's address in frames that arrive at a device; false: unknown. */
bool devices_mac(const struct devices *d, int ifindex, __u8 ret[6]);
/* The bond that a device is a port of, or 0. */
int devices_bond(const struct devices *d, int ifindex);

#endif
