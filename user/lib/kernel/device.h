/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: network devices as the kernel lists them, and what
 * Synkeeper can do on one. What it needs of it:
 *
 *   - frames begin with an Ethernet header
 *   - what arrives goes by XDP there, and its answer finds the way back
 *   - a packet that tc gives a socket keeps it on its way up
 *   - the next packet of the connection comes by there, too
 *
 * Where one of these fails connections would break, or nothing be protected:
 * such a device is refused with the way out, by the daemon when it starts and
 * by `synkeeper check`. Conditions may come up later (a module is loaded, a
 * device put on top): then the daemon lets packets pass, and says so.
 */
#ifndef DEVICE_H
#define DEVICE_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DEVICE_TEXT_MAX = 192 };

struct mnl_socket;

struct device {
	char name[IF_NAMESIZE];
	char kind[16]; /* "veth", "bond"; "" for hardware */
	int ifindex;
	int lower;	      /* what it stands on, a veth's peer; 0: none */
	bool lower_elsewhere; /* in another network namespace */
	int master;	      /* the bridge or bond it is a port of; 0: none */
	uint16_t vlan;	      /* the id, of kind "vlan" */
	unsigned int flags;   /* IFF_UP, … */
	unsigned int mtu;
	unsigned short type; /* ARPHRD_ETHER, … */
	uint8_t mac[6];
	bool nf4, nf6; /* a bridge whose packets netfilter sees */
	uint32_t xdp_native, xdp_skb; /* the programs' ids; 0: none */
};

/* 0 or -errno; -ENODEV: no such device. @name NULL: by @ifindex. */
int device_get(const char *name, int ifindex, struct device *ret);

/*
 * All of this namespace; the caller frees *@ret. 0 or -errno. @nl: a socket of
 * NETLINK_ROUTE to ask with, or NULL.
 */
int device_list(struct mnl_socket *nl, struct device **ret, size_t *ret_n);

/* What is the matter with a device, and the way out. */
struct device_trouble {
	char what[DEVICE_TEXT_MAX];
	char fix[DEVICE_TEXT_MAX];
};

/*
 * Can Synkeeper work on @d? @all: the devices of this namespace. If not,
 * returns false and fills *@ret.
 */
bool device_works(const struct device *d, const struct device *all, size_t n,
		  struct device_trouble *ret);

/*
 * What the routes of the host call @d: a port's master. 0: a VRF's, which has
 * routes of its own.
 */
int device_routed(const struct device *d, const struct device *all, size_t n);

/* The MAC address of the host in frames that arrive at @d. */
const uint8_t *device_mac(const struct device *d, const struct device *all,
			  size_t n);

#endif
