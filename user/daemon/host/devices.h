/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the host's devices, as far as protected interfaces
 * depend on them: see device.h. The list is read on every tick and after link
 * events, through one socket that stays open. iface/ifaces_poll.c acts on it.
 *
 * Native XDP on a bond runs in the bond's ports: the program looks up their
 * indices, so these get the bond's map entry.
 */
#ifndef DEVICES_H
#define DEVICES_H

#include "kernel/device.h"
#include "synkeeper/types.h"

struct mnl_socket;

/* The devices of this namespace; all zero: none known. */
struct devices {
	struct device *all; /* owned */
	size_t n;
	struct mnl_socket *nl; /* owned; NULL: opened when needed */
};

/* Rereads them. 0, or -errno with the list unchanged. */
int devices_read(struct devices *d);
void devices_free(struct devices *d);
/* NULL: unknown, and taken as usable. */
const struct device *devices_find(const struct devices *d, int ifindex);
bool devices_works(const struct devices *d, int ifindex,
		   struct device_trouble *ret);
/* The host's address in frames that arrive at a device; false: unknown. */
bool devices_mac(const struct devices *d, int ifindex, __u8 ret[6]);
/* See device_routed(); 0 also if the device is not known. */
int devices_routed(const struct devices *d, int ifindex);
/* The bond that a device is a port of, or 0. */
int devices_bond(const struct devices *d, int ifindex);

#endif
